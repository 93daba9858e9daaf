"""The agent: renders Envoy's configuration, starts Envoy, stops it without losing reports.

`mizzen proxy` goes this way: `address` reads what it was given, `filter_config` checks the filters' files by the native
parser, `bootstrap` renders the configuration (with `template`, from `envoy.yaml` or a file of the user's), `launch`
writes it and lets the binary in `envoy` validate it, `supervise` runs Envoy until it ends: `admin` tells the ports, the
state machine in `shutdown` what signals mean.

`child` is the same for other processes of `mizzen`, as the demo and the test kit start them.
"""
