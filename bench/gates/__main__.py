"""The command: `python -m bench.gates [GATE ...]`, from the repository's root."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator

from bench.gates import Verdict, accuracy, engine, kernels, package, speed

GATES: dict[str, Callable[[], Iterator[Verdict]]] = {
    "import": package.run_import,
    "wheel": package.run_wheel,
    "engine": engine.run,
    "speed": speed.run,
    "accuracy": accuracy.run,
}
LONG: dict[str, Callable[[], Iterator[Verdict]]] = {
    "kernels": kernels.run,
    "kernels-smoke": kernels.run_smoke,
}


def main() -> None:
    """Runs the gates named, by default all but the long ones; exits with 1 when one fails."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.gates", description="Measures what cnnfast promises."
    )
    known = GATES | LONG
    # Python 3.11 holds an empty list of arguments against `choices`, hence the metavar and the check by hand.
    parser.add_argument(
        "gates", nargs="*", metavar="GATE", help=f"of {', '.join(known)}; default: {', '.join(GATES)}"
    )
    chosen = parser.parse_args().gates or list(GATES)
    if unknown := set(chosen) - set(known):
        parser.error(f"unknown gates: {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    passed = failed = 0
    for name in chosen:
        for verdict in known[name]():
            print(verdict, flush=True)
            passed += verdict.passed is True
            failed += verdict.passed is False
    print(f"gates: {passed} passed, {failed} failed")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
