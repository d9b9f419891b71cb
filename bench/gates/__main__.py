"""The command: `python -m bench.gates [GATE ...]`, from the repository's root."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator

from bench.gates import (
    Effort,
    Verdict,
    accuracy,
    cuda,
    engine,
    focal,
    folder,
    formula,
    frozen,
    kernels,
    package,
    pictures,
    precision,
    speed,
    threads,
    zoo,
)

GATES: dict[str, Callable[[], Iterator[Verdict]]] = {
    "import": package.run_import,
    "wheel": package.run_wheel,
    "engine": engine.run,
    "frozen": frozen.run,
    "speed": speed.run,
    "accuracy": accuracy.run,
    "pictures": pictures.run,
}
LONG: dict[str, Callable[[Effort], Iterator[Verdict]]] = {
    "folder": folder.run,
    "precision": precision.run,
    "kernels": kernels.run,
    "formula": lambda _: formula.run(),  # short, but below its bar so far
    "focal": lambda _: focal.run(),
    "networks": speed.run_networks,
    "threads": threads.run,
    "zoo": zoo.run,
    "cuda": cuda.run,
}


def main() -> None:
    """Runs the gates named, by default all but the long ones; exits with 1 when one fails."""
    chosen, effort = _parse()
    passed = failed = 0
    for name in chosen:
        for verdict in LONG[name](effort) if name in LONG else GATES[name]():
            print(verdict, flush=True)
            passed += verdict.passed is True
            failed += verdict.passed is False
    print(f"gates: {passed} passed, {failed} failed")
    sys.exit(failed > 0)


def _parse() -> tuple[list[str], Effort]:
    parser = argparse.ArgumentParser(
        prog="python -m bench.gates", description="Measures what cnnfast promises."
    )
    known, whole = [*GATES, *LONG], Effort()
    # Python 3.11 holds an empty list of arguments against `choices`, hence the metavar and the check by hand.
    parser.add_argument(
        "gates", nargs="*", metavar="GATE", help=f"of {', '.join(known)}; default: {', '.join(GATES)}"
    )
    long = parser.add_argument_group(f"how much {' and '.join(LONG)} measure")
    long.add_argument("--only", default=whole.only, metavar="PATTERN", help="lines, such as 'training step*'")
    long.add_argument("--threads", type=int, nargs="+", default=whole.threads, metavar="N")
    long.add_argument("--rounds", type=int, default=whole.rounds, help="turns of each engine")
    long.add_argument("--seconds", type=float, default=whole.seconds, help="length of a turn")
    long.add_argument("--epochs", type=int, help="of training, for each network; default: its own number")
    long.add_argument("--samples", type=int, help="that networks train on; default: all")
    long.add_argument(
        "--processor-time", action="store_true", help="for a machine that others use; with --threads 1"
    )
    arguments = parser.parse_args()
    if arguments.processor_time and tuple(arguments.threads) != (1,):
        parser.error("--processor-time tells nothing of several threads; add --threads 1")
    chosen = arguments.gates or list(GATES)
    if unknown := set(chosen) - set(known):
        parser.error(f"unknown gates: {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    effort = Effort(
        tuple(arguments.threads),
        arguments.rounds,
        arguments.seconds,
        arguments.epochs,
        arguments.samples,
        arguments.processor_time,
        arguments.only,
    )
    return chosen, effort


if __name__ == "__main__":
    main()
