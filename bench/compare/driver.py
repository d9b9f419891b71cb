"""Starts the workers, checks what they compute, and lets them take turns."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from bench.compare import engines, networks, reference, worker
from bench.compare.networks import Task

# Largest difference from float64 over the largest logit. Float32 stays below by any algorithm; bfloat16 and
# TF32 do not.
LOGITS_BAR = 1e-4
# Largest difference of a loss over the first loss. Adam's first steps are nearly lr * sign(gradient), so
# rounding shows more than in logits.
LOSS_BAR = 1e-3
CHECKED_STEPS = 4
# After its turn an engine's threads may spin for a moment before they sleep.
SETTLE_SECONDS = 0.05


@dataclass(frozen=True)
class Workload:
    """One network, one task, one batch size."""

    network: str
    task: Task
    batch: int

    def __str__(self) -> str:
        return f"{self.network}/{self.task}/{self.batch}"


_TASKS: tuple[tuple[Task, int], ...] = (("predict", 1), ("predict", 128), ("train", 32), ("train", 128))
WORKLOADS = tuple(Workload(network, task, batch) for network in networks.NAMES for task, batch in _TASKS)


@dataclass
class Measurement:
    """One engine on one workload: the median time of a call in each of its turns, or why there is none."""

    workload: Workload
    engine: str
    turns_s: list[float] = field(default_factory=list)
    difference: float | None = None
    refused: str | None = None

    @property
    def median_s(self) -> float:
        """The figure that is reported."""
        return median(self.turns_s)

    @property
    def spread(self) -> float:
        """(slowest - fastest turn) / median."""
        return (max(self.turns_s) - min(self.turns_s)) / self.median_s


class Process:
    """A worker process, pinned to the first `threads` cores that this process may use."""

    def __init__(self, engine: str, threads: int) -> None:
        self.engine = engine
        cores = sorted(os.sched_getaffinity(0))[:threads]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.compare.worker", engine, "--threads", str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).resolve().parents[2],
            env=os.environ | _environment(threads),
            preexec_fn=lambda: os.sched_setaffinity(0, cores),
        )

    def ask(self, do: str, **arguments: Any) -> dict[str, Any]:
        """Sends one command and waits for its answer."""
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("the worker has no pipes")
        self._process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the worker of {self.engine} died (exit status {self._process.wait()})")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """Lets the worker's stdin end, and with it the worker."""
        self._process.communicate()


def _environment(threads: int) -> dict[str, str]:
    count = str(threads)
    return {
        "OMP_NUM_THREADS": count,
        "MKL_NUM_THREADS": count,
        "OPENBLAS_NUM_THREADS": "1",
        "CNNFAST_NUM_THREADS": count,
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "",
    }


@contextmanager
def processes(names: Sequence[str], threads: int) -> Iterator[list[Process]]:
    """One process an engine, ended on the way out."""
    started: list[Process] = []
    try:
        for name in names:
            started.append(Process(name, threads))
        yield started
    finally:
        for process in started:
            process.close()


def measure(workload: Workload, workers: Sequence[Process], rounds: int, seconds: float) -> list[Measurement]:
    """Every engine that can: prepared, checked, then timed in `rounds` turns of `seconds` each."""
    ready: list[tuple[Process, Measurement]] = []
    out: list[Measurement] = []
    for process in workers:
        if not engines.can(process.engine, workload.task):
            continue
        measurement = Measurement(workload, process.engine)
        out.append(measurement)
        _prepare(process, measurement)
        if measurement.refused is None:
            ready.append((process, measurement))
    for turn in range(rounds):
        first = turn % max(len(ready), 1)
        for process, measurement in ready[first:] + ready[:first]:
            time.sleep(SETTLE_SECONDS)
            answer = process.ask("time", seconds=seconds)
            if "error" in answer:
                measurement.refused = answer["error"]
            else:
                measurement.turns_s.append(answer["median_s"])
    return out


def _prepare(process: Process, measurement: Measurement) -> None:
    """Checks the engine without dropout, then leaves it ready for timing with it."""
    workload = measurement.workload
    what = {
        "network": workload.network,
        "task": workload.task,
        "batch": workload.batch,
        "steps": CHECKED_STEPS,
    }
    answer = process.ask("prepare", dropout=False, **what)
    if "error" in answer:
        measurement.refused = answer["error"]
        return
    measurement.difference = _difference(workload, answer["result"])
    bar = LOGITS_BAR if workload.task == "predict" else LOSS_BAR
    if not measurement.difference <= bar:
        measurement.refused = (
            f"wrong: {measurement.difference:.1e} from the float64 reference, {bar:.0e} allowed"
        )
        return
    random = any(layer["type"] == "dropout" for layer in networks.load(workload.network).layers)
    if random and workload.task == "train":
        measurement.refused = process.ask("prepare", dropout=True, **what).get("error")


def _difference(workload: Workload, result: list[Any]) -> float:
    net = networks.without_dropout(networks.load(workload.network))
    weights = networks.he_weights(net, worker.WEIGHTS_SEED)
    x, y = networks.samples(net, workload.batch, worker.SAMPLES_SEED)
    got = np.asarray(result, np.float64)
    if workload.task == "predict":
        want = reference.predict(net, weights, x)
        return float(np.abs(got - want).max() / np.abs(want).max())
    losses = np.asarray(reference.train(net, weights, x, y, CHECKED_STEPS))
    return float(np.abs(got - losses).max() / losses[0])
