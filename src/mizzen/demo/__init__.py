"""Policies shown at work: requests with expectations, run against a real service, Mixer and proxy.

`mizzen demo` runs the policies and requests that lie beside this file; the examples in `examples/` have the same form.
"""
