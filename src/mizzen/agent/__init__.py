"""The agent: renders Envoy's configuration, starts Envoy, stops it without losing reports."""
