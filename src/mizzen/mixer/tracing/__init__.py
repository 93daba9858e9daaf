"""Traces of the Mixer's own calls: a span for each call of a sampled trace, and one for each adapter that is asked.

The Mixer begins no trace: a call whose headers name none, or one that is not sampled, costs a look at its headers.

- `context`: the headers of W3C and B3
- `current`: the trace of the call that is being run, for the code that calls adapters
- `spans`: the spans, made with OpenTelemetry's SDK (the extra `otlp`)
- `export`: their way out, OTLP over HTTP
"""
