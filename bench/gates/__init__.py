"""The promises that have a number: each gate measures one, prints it beside its bar, and says pass or fail.

`python -m bench.gates` runs all but the long one, `python -m bench.gates speed import` those named. They need
the installed package; `accuracy` also needs MNIST, `speed` and `kernels` the peers of the extra `bench`,
`wheel` a built wheel.

- accuracy.py: MNIST through the command line, three seeds
- speed.py: against other libraries, with bench.compare
- engine.py: same bytes for any number of threads, told memory is taken memory
- kernels.py, the long one: what the kernels must show (kernel_bars.py), layer by layer, on 1 and 2 threads;
  class_accuracy.py: that training in the default class is as good as in the exact one
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
    passed: bool | None  # None: this machine cannot tell

    def __str__(self) -> str:
        outcome = "n/a " if self.passed is None else "pass" if self.passed else "FAIL"
        return f"{outcome}  {self.what}: {self.measured} (bar: {self.bar})"
