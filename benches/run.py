"""`make bench`: runs the benchmarks side by side and prints ratios; `make bench BENCH=filter` runs one.

Each module named here offers `run(rounds, seconds) -> str`, a table. Figures come from alternating rounds on the same
machine in the same run, as medians; absolute microseconds tell about the machine, the ratio to bare Envoy about Mizzen.
"""

from __future__ import annotations

import argparse
import datetime
import importlib
import sys
from pathlib import Path

import machine

BENCHES = {
    "filter": "CPU per request of Envoy: bare, with the filter, Lua, ext_authz",
    "mixer": "CPU per Check and per record of a Report of the Mixer, over gRPC, by number of rules",
    "reload": "what a change of the configuration costs, by number of rules",
    "propagation": "time from a rule file saved to the rule enforced, under load",
}
BASELINES = Path(__file__).parent / "baselines"


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", choices=[*BENCHES, []], help="benchmarks to run (default: all)")
    parser.add_argument("--rounds", type=int, default=5, help="alternating rounds per variant")
    parser.add_argument("--seconds", type=float, default=5.0, help="length of one measurement")
    parser.add_argument("--save", action="store_true", help=f"also write each table to {BASELINES.name}/NAME-DATE.txt")
    options = parser.parse_args()
    for name in options.names or BENCHES:
        where = machine.description()
        table = importlib.import_module(name).run(rounds=options.rounds, seconds=options.seconds)
        text = f"{table}\n{where}\n"
        print(text, flush=True)
        if options.save:
            today = datetime.datetime.now(datetime.UTC).date()
            BASELINES.mkdir(exist_ok=True)
            (BASELINES / f"{name}-{today}.txt").write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
