"""Mizzen: a sidecar for any service.

Envoy carries the traffic; a native filter inside it asks a Mixer whether each request may pass
and reports what happened.

- `mizzen.wire`: the protocol between filter and Mixer
- `mizzen.config`: resources in YAML, the store that watches them, errors that name file and line
- `mizzen.mixer`: the policy and telemetry server (expressions, templates, adapters, runtime, server)
- `mizzen.kubernetes`: objects of a Kubernetes API, listed and watched
- `mizzen.agent`: the process that owns Envoy (bootstrap, supervise)
- `mizzen.client`, `mizzen.cli`: calls of a Mixer from the command line, and one file per verb of `mizzen`
- `mizzen.sdk`: what adapters and templates of one's own import
- `mizzen.testing`: the public test kit
- `mizzen.demo`: policies shown at work

CONTRIBUTING.md follows one request through the code.
"""

__version__ = "0.1.0"
