"""The Mixer: decides on requests (Check) and takes what happened (Report), by rules and adapters in YAML and Python.

- `mizzen.mixer.expr`: the language of conditions and fields
- `mizzen.mixer.templates`, `mizzen.mixer.adapters`: what adapters get, and the adapters
- `mizzen.mixer.runtime`: rules resolved to a snapshot, calls dispatched against it
- `mizzen.mixer.front`: gRPC in front of the runtime; `mizzen.mixer.monitoring`: metrics and health over HTTP
- `mizzen.mixer.server`: the process put together
"""
