"""Mizzen: a sidecar for any service.

Envoy carries the traffic; a native filter inside it asks a Mixer whether each request may pass
and reports what happened.

- `mizzen.config`: resources in YAML, the store that watches them, errors that name file and line
- `mizzen.mixer`: the policy and telemetry server (expressions, templates, adapters, runtime, server)
- `mizzen.agent`: the process that owns Envoy (bootstrap, supervise)
- `mizzen.wire`: the protocol between filter and Mixer
- `mizzen.cli`: one file per verb of the command `mizzen`
- `mizzen.testing`: the public test kit
"""

__version__ = "0.1.0"
