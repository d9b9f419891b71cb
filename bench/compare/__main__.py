"""The command: `python -m bench.compare`, from the repository's root."""

from __future__ import annotations

import argparse
import json
import sys
from fnmatch import fnmatch
from pathlib import Path

from bench.compare import engines, report
from bench.compare.driver import Measurement, measure, processes
from bench.compare.workloads import WORKLOADS, Workload

FEWEST_ROUNDS = 5
SMOKE = (
    "mnist_cnn/predict/1",
    "mnist_cnn/train/32",
    "layers/depthwise_3x3_s1_960@7/*",
    "layers/3x3_512@7/forward/1",
)


def main() -> None:
    """Measures, prints the table, and writes what was asked for. Exits with 1 when cnnfast was refused."""
    arguments = _parse()
    chosen = _workloads(arguments.workloads)
    rounds = 1 if arguments.smoke else arguments.rounds
    seconds = 0.05 if arguments.smoke else arguments.seconds
    measurements: list[Measurement] = []
    with processes(arguments.engines, arguments.threads) as workers:
        for workload in chosen:
            print(f"{workload} ...", file=sys.stderr, flush=True)
            measurements += measure(workload, workers, rounds, seconds)
        about = {process.engine: process.ask("about") for process in workers}
    machine = report.machine(arguments.threads)
    table = report.as_markdown(machine, about, measurements)
    print(table)
    if arguments.json:
        arguments.json.write_text(json.dumps(report.as_json(machine, about, measurements), indent=1) + "\n")
    sys.exit(any(m.refused and m.engine in report.OURS for m in measurements))


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.compare",
        description="Times cnnfast beside other libraries on the networks and layers of bench/shapes.",
    )
    parser.add_argument(
        "--threads", type=int, default=1, help="threads, and cores pinned to, of every engine"
    )
    parser.add_argument(
        "--rounds", type=int, default=FEWEST_ROUNDS, help=f"turns of each engine, >= {FEWEST_ROUNDS}"
    )
    parser.add_argument("--seconds", type=float, default=0.3, help="length of one turn")
    parser.add_argument(
        "--workloads", nargs="+", metavar="PATTERN", help="such as 'mnist_cnn/*' or 'layers/*/forward/*'"
    )
    parser.add_argument(
        "--engines", nargs="+", choices=engines.names(), help="default: all that are installed"
    )
    parser.add_argument(
        "--smoke", action="store_true", help="one short turn of a few workloads: does it run at all?"
    )
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="also write every turn as JSON, for bench.compare.publish"
    )
    arguments = parser.parse_args()
    if arguments.rounds < FEWEST_ROUNDS:
        parser.error(
            f"--rounds {arguments.rounds}: fewer than {FEWEST_ROUNDS} turns tell nothing on a shared machine"
        )
    if arguments.smoke and not arguments.workloads:
        arguments.workloads = SMOKE
    arguments.engines = arguments.engines or engines.installed()
    return arguments


def _workloads(patterns: list[str] | None) -> list[Workload]:
    chosen = [w for w in WORKLOADS if not patterns or any(fnmatch(str(w), p) for p in patterns)]
    if not chosen:
        sys.exit(f"no workload matches {patterns}; there are: {', '.join(map(str, WORKLOADS))}")
    return chosen


if __name__ == "__main__":
    main()
