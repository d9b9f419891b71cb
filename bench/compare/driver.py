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
from functools import lru_cache
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from bench.compare import engines, networks, reference, worker
from bench.compare.engines import Precision
from bench.compare.layer_networks import Part
from bench.compare.workloads import Workload

from cnnfast import _core

# Largest difference from float64 over the largest logit: of direct sums, with Winograd, with bfloat16.
LOGITS_BARS: dict[Precision, float] = {"exact": 2e-5, "default": 1e-4, "fast": 3e-2}
# Largest difference of a loss over the first loss. Adam's first steps are nearly lr * sign(gradient), so
# rounding shows more than in logits.
LOSS_BAR = 1e-3
CHECKED_STEPS, CHECKED_STEPS_OF_LARGE = 4, 2
# After its turn an engine's threads may spin for a moment before they sleep.
SETTLE_SECONDS = 0.05


@dataclass
class Measurement:
    """One engine on one workload: the time that each of its turns told, or why there is none."""

    workload: Workload
    engine: str
    turns_s: list[float] = field(default_factory=list)
    difference: float | None = None
    peak: float | None = None  # FLOP/s of all cores in use, at the time
    refused: str | None = None

    @property
    def median_s(self) -> float:
        """The figure that is reported."""
        return median(self.turns_s)

    @property
    def gflops(self) -> float | None:
        """Effective GFLOP/s of a layer: operations of the direct sum over the time."""
        return self.workload.flops / self.median_s * 1e-9 if self.workload.flops else None

    @property
    def share_of_peak(self) -> float | None:
        """Of a layer; above 1 only with Winograd, which does fewer operations than the direct sum."""
        return self.gflops * 1e9 / self.peak if self.gflops and self.peak else None

    @property
    def spread(self) -> float:
        """(slowest - fastest turn) / median."""
        return (max(self.turns_s) - min(self.turns_s)) / self.median_s


class Process:
    """A worker process, pinned to the first `threads` cores that this process may use.

    `python` is the interpreter whose packages it imports.
    """

    def __init__(
        self, engine: str, threads: int, processor_time: bool, python: str | Path = sys.executable
    ) -> None:
        self.engine = engine
        self.threads = threads
        cores = sorted(os.sched_getaffinity(0))[:threads]
        self._process = subprocess.Popen(
            [
                *(python, "-m", "bench.compare.worker", engine, "--threads", str(threads)),
                *(["--processor-time"] if processor_time else []),
            ],
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
def processes(names: Sequence[str], threads: int, processor_time: bool = False) -> Iterator[list[Process]]:
    """One process an engine, ended on the way out; its clock that of the wall, or its own processor time."""
    if processor_time and threads > 1:
        raise ValueError(f"processor time tells nothing of {threads} threads: use one, or the wall's clock")
    started: list[Process] = []
    try:
        for name in names:
            started.append(Process(name, threads, processor_time))
        yield started
    finally:
        for process in started:
            process.close()


def measure(workload: Workload, workers: Sequence[Process], rounds: int, seconds: float) -> list[Measurement]:
    """Every engine that can: prepared, checked, then timed in `rounds` turns of `seconds` each."""
    ready: list[tuple[Process, Measurement]] = []
    out: list[Measurement] = []
    for process in workers:
        if not engines.can(process.engine, workload):
            continue
        measurement = Measurement(workload, process.engine)
        out.append(measurement)
        _prepare(process, measurement)
        if measurement.refused is None:
            ready.append((process, measurement))
    peaks: list[float] = []
    for turn in range(rounds):
        if workload.flops:
            peaks.append(_core.measure_flops())
        first = turn % max(len(ready), 1)
        for process, measurement in ready[first:] + ready[:first]:
            time.sleep(SETTLE_SECONDS)
            answer = process.ask("time", seconds=seconds)
            if "error" in answer:
                measurement.refused = answer["error"]
            else:
                measurement.turns_s.append(answer["seconds"])
    for process, measurement in ready:
        process.ask("forget")
        measurement.peak = max(peaks) * process.threads if peaks else None
    return out


def _prepare(process: Process, measurement: Measurement) -> None:
    """Checks the engine without dropout, then leaves it ready for timing with it."""
    workload = measurement.workload
    what = {"workload": str(workload), "steps": _checked_steps(workload)}
    answer = process.ask("prepare", dropout=False, **what)
    if "error" in answer:
        measurement.refused = answer["error"]
        return
    measurement.difference = _difference(workload, answer["results"])
    trains = workload.parts()[0].trains
    bar = LOSS_BAR if trains else LOGITS_BARS[engines.precision(process.engine)]
    if not measurement.difference <= bar:
        measurement.refused = (
            f"wrong: {measurement.difference:.1e} from the float64 reference, {bar:.0e} allowed"
        )
        return
    random = any(layer["type"] == "dropout" for layer in workload.parts()[0].network.layers)
    if random and trains:
        measurement.refused = process.ask("prepare", dropout=True, **what).get("error")


def _checked_steps(workload: Workload) -> int:
    return CHECKED_STEPS if workload.network in networks.SMALL else CHECKED_STEPS_OF_LARGE


def _difference(workload: Workload, results: list[list[Any]]) -> float:
    """The largest of the parts' differences from float64."""
    differences = []
    for got, want in zip(results, _reference(workload), strict=True):
        scale = np.abs(want).max()
        differences.append(float(np.abs(np.asarray(got, np.float64) - want).max() / scale))
    return max(differences)


@lru_cache(maxsize=1)  # all engines are asked for one workload before the next one begins
def _reference(workload: Workload) -> list[reference.F64]:
    return [_reference_of(part, workload.batch, _checked_steps(workload)) for part in workload.parts()]


def _reference_of(part: Part, batch: int, steps: int) -> reference.F64:
    net = networks.without_dropout(part.network)
    weights = networks.he_weights(net, worker.WEIGHTS_SEED)
    x, y = networks.samples(net, batch, worker.SAMPLES_SEED)
    if part.trains:
        return np.asarray(reference.train(net, weights, x, y, steps))
    return reference.predict(net, weights, x)
