"""The course's MNIST network beside other libraries, one thread: a training step and one image."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bench.compare import engines
from bench.compare.driver import Measurement, measure, processes
from bench.compare.report import ratio_to_best
from bench.compare.workloads import Workload
from bench.gates import Verdict

ROUNDS = 9  # a busy neighbour lasts for seconds: the median has to outlive it
SECONDS_A_TURN = 0.4
# Workload, the engines that are compared with, how many times faster than the fastest of them.
BARS = (
    (
        Workload("mnist_cnn", "train", 128),
        ("torch", "torch-channels-last", "torch-compile", "keras-tf", "keras-tf-jit"),
        1.5,
    ),
    (Workload("mnist_cnn", "predict", 1), ("onnxruntime",), 1.2),
)


def run() -> Iterator[Verdict]:
    """The ratio for each bar. A peer that is not installed fails its gate: nothing was compared."""
    for workload, peers, bar in BARS:
        missing = set(peers) - set(engines.installed())
        if missing:
            yield Verdict(str(workload), f"not installed: {', '.join(sorted(missing))}", f">= {bar}", False)
            continue
        with processes(("cnnfast", *peers), threads=1) as workers:
            row = measure(workload, workers, ROUNDS, SECONDS_A_TURN)
        ratio = ratio_to_best(row)
        yield Verdict(
            f"{workload}, one thread, fastest of {', '.join(peers)} / cnnfast",
            f"{ratio:.2f}; {_figures(row)}" if ratio is not None else _figures(row),
            f">= {bar}",
            ratio is not None and ratio >= bar,
        )


def _figures(row: Sequence[Measurement]) -> str:
    return ", ".join(f"{m.engine} {m.refused or f'{m.median_s * 1e6:.4g} us'}" for m in row)
