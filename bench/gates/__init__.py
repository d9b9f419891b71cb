"""The promises that have a number: each gate measures one, prints it beside its bar, and says pass or fail.

`python -m bench.gates` runs them all, `python -m bench.gates speed import` those named. They need the
installed package; `accuracy` also needs MNIST, `speed` the peers of the extra `bench`, `wheel` a built wheel.

- accuracy.py: MNIST through the command line, three seeds
- speed.py: against other libraries, with bench.compare
- engine.py: same bytes for any number of threads, told memory is taken memory
- package.py: import time, size and contents of the wheel
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Verdict:
    """One measured promise."""

    what: str
    measured: str
    bar: str
    passed: bool

    def __str__(self) -> str:
        return f"{'pass' if self.passed else 'FAIL'}  {self.what}: {self.measured} (bar: {self.bar})"
