"""The promises that have a number: each gate measures one, prints it beside its bar, and says pass or fail.

`python -m bench.gates` runs all but the long ones, `python -m bench.gates speed import` those named. They
need the installed package; `accuracy`, `pictures` and `precision` also need MNIST, `speed` and `kernels`
the peers of the extra `bench`, `wheel` a built wheel.

- accuracy.py: MNIST through the command line, three seeds
- speed.py: against other libraries, with bench.compare; `networks`, long: with branches
- engine.py: same bytes for any number of threads, told memory is taken memory
- formula.py: a formula over a tensor in memory, against a copy
- focal.py: a loss written in `ops`, against the built-in one
- frozen.py: training behind a frozen trunk, activations kept or not
- pictures.py: MNIST's digits in every form that pictures come in, through the command line
- package.py: import time, size and contents of the wheel
- folder.py, long: `cnnfast train FOLDER` on CIFAR-10's pictures
- precision.py, long: that training in the default class is as good as in the exact one
- threads.py, long: what a second thread brings, alone and beside a busy process
- zoo.py, long: known networks beside other libraries
- cuda.py, long: a GPU beside PyTorch on the same one (cuda_torch.py), and beside the CPU
- kernels.py, long: what the kernels must show (kernel_bars.py), layer by layer, on 1 and 2 threads
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

    @property
    def outcome(self) -> str:
        """PASS, FAIL or n/a."""
        return "n/a" if self.passed is None else "PASS" if self.passed else "FAIL"

    def __str__(self) -> str:
        return f"{self.outcome:4}  {self.what}: {self.measured} (bar: {self.bar})"


@dataclass(frozen=True)
class Effort:
    """How much the long gates measure; with less they run sooner and their figures are noisier."""

    threads: tuple[int, ...] = (1, 2)
    rounds: int = 5  # turns of each engine
    seconds: float = 0.3  # of a turn
    epochs: int | None = None  # None: what the network needs
    samples: int | None = None  # that are trained on; None: all
    processor_time: bool = False  # instead of the wall's, on a machine that others use
    only: str = "*"  # lines of the table, as fnmatch takes them
