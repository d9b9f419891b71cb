"""Networks beside other libraries, one thread: the course's MNIST network, and two with branches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatch

from bench.compare import engines
from bench.compare.driver import Measurement, measure, processes
from bench.compare.report import ratio_to_best
from bench.compare.workloads import Workload
from bench.gates import Effort, Verdict

ROUNDS = 9  # a busy neighbour lasts for seconds: the median has to outlive it
SECONDS_A_TURN = 0.4
# Workload, the engines that are compared with, how many times faster than the fastest of them.
Bar = tuple[Workload, tuple[str, ...], float]
TORCH = ("torch", "torch-channels-last", "torch-compile")
BARS: tuple[Bar, ...] = (
    (Workload("mnist_cnn", "train", 128), (*TORCH, "keras-tf", "keras-tf-jit"), 1.5),
    (Workload("mnist_cnn", "predict", 1), ("onnxruntime",), 1.2),
)
NETWORKS: tuple[Bar, ...] = (
    (Workload("resnet20", "train", 128), TORCH, 2.0),
    (Workload("unet", "train", 8), TORCH, 1.5),
)


def run() -> Iterator[Verdict]:
    """The ratio for each bar. A peer that is not installed fails its gate: nothing was compared."""
    return _run(BARS, Effort(rounds=ROUNDS, seconds=SECONDS_A_TURN))


def run_networks(effort: Effort) -> Iterator[Verdict]:
    """The same for networks with branches, whose steps take long."""
    return _run([bar for bar in NETWORKS if fnmatch(str(bar[0]), effort.only)], effort)


def _run(bars: Sequence[Bar], effort: Effort) -> Iterator[Verdict]:
    for workload, peers, bar in bars:
        missing = set(peers) - set(engines.installed())
        if missing:
            yield Verdict(str(workload), f"not installed: {', '.join(sorted(missing))}", f">= {bar}", False)
            continue
        with processes(("cnnfast", *peers), 1, effort.processor_time) as workers:
            row = measure(workload, workers, effort.rounds, effort.seconds)
        ratio = ratio_to_best(row)
        yield Verdict(
            f"{workload}, one thread, fastest of {', '.join(peers)} / cnnfast",
            f"{ratio:.2f}; {_figures(row)}" if ratio is not None else _figures(row),
            f">= {bar}",
            ratio is not None and ratio >= bar,
        )


def _figures(row: Sequence[Measurement]) -> str:
    return ", ".join(f"{m.engine} {m.refused or f'{m.median_s * 1e6:.4g} us'}" for m in row)
