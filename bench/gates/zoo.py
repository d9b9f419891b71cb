"""Known networks beside other libraries: one picture, a training step, and what they take of memory.

Weights are random, the same for all; each engine runs in a process of its own, pinned to its cores, and
they take turns. Results are held against PyTorch's before anything is timed. Memory is a process's largest
resident set, its library and the network's file included.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from bench.compare import engines, known
from bench.compare.driver import LOGITS_BARS, LOSS_BAR, SETTLE_SECONDS, Process, processes
from bench.gates import Effort, Verdict

TORCH = ("torch", "torch-channels-last", "torch-compile")
PEERS = (*TORCH, "onnxruntime", "openvino", "ncnn", "mnn")
# How many times faster than the fastest peer: one picture.
PREDICTED = {
    "ResNet18": 1.25,
    "ResNet50": 1.1,
    "MobileNetV2": 1.1,
    "ResNeXt50": 1.1,
    "DenseNet201": 1.1,
    "InceptionV3": 1.1,
}
TRAINED = {"ResNet18": 2.0, "MobileNetV2": 1.5}  # a step of four pictures
FAST = ("ResNet50", "MobileNetV2")  # class "fast" against bfloat16
SMALL = "ResNet50"  # whose memory counts
_DROPOUT_BAR = 0.1  # of losses, where each library drops others


def run(effort: Effort) -> Iterator[Verdict]:
    """Each line, for each number of threads."""
    with tempfile.TemporaryDirectory() as folder:
        for name in PREDICTED:
            if any(fnmatch(f"{name}/{task}", effort.only) for task in ("predict", "fast", "train")):
                known.write(Path(folder), name)
                for threads in effort.threads:
                    yield from _network(Path(folder), name, threads, effort)


def _network(folder: Path, name: str, threads: int, effort: Effort) -> Iterator[Verdict]:
    def wanted(task: str) -> bool:
        return fnmatch(f"{name}/{task}", effort.only)

    if wanted("predict"):
        told = _measured(folder, name, False, ("cnnfast", *PEERS), threads, effort)
        yield _verdict(f"{name}, one picture", told, "cnnfast", PREDICTED[name], threads)
        if name == SMALL and threads == 1:
            yield _memory(told)
    if wanted("fast") and name in FAST:
        told = _measured(folder, name, False, ("torch", "cnnfast-fast", "openvino-bf16"), threads, effort)
        told.pop("torch")  # whose logits the others' are held against
        yield _verdict(f"{name}, one picture, class fast", told, "cnnfast-fast", 1.0, threads)
    if wanted("train") and name in TRAINED:
        told = _measured(folder, name, True, ("cnnfast", *TORCH), threads, effort)
        yield _verdict(f"{name}, training step of {known.BATCH}", told, "cnnfast", TRAINED[name], threads)


def _measured(
    folder: Path, name: str, trains: bool, names: Sequence[str], threads: int, effort: Effort
) -> dict[str, dict[str, Any]]:
    """What each engine told: the seconds of its turns and its memory, or why there is nothing."""
    told: dict[str, dict[str, Any]] = {}
    missing = set(names) - set(engines.installed())
    with processes(
        [each for each in names if each not in missing], threads, effort.processor_time
    ) as workers:
        for worker in workers:
            told[worker.engine] = worker.ask("prepare_known", folder=str(folder), name=name, trains=trains)
        _check(told, None if not trains else _DROPOUT_BAR if name in known.RANDOM else LOSS_BAR)
        ready = [worker for worker in workers if "error" not in told[worker.engine]]
        for turn in range(effort.rounds):
            first = turn % max(len(ready), 1)
            for worker in ready[first:] + ready[:first]:
                _take_turn(worker, told[worker.engine], effort.seconds)
        for worker in ready:
            told[worker.engine] |= worker.ask("about")
    return told | {each: {"error": "not installed"} for each in missing}


def _take_turn(worker: Process, told: dict[str, Any], seconds: float) -> None:
    time.sleep(SETTLE_SECONDS)
    told.setdefault("turns", []).append(worker.ask("time", seconds=seconds)["seconds"])


def _check(told: dict[str, dict[str, Any]], loss_bar: float | None) -> None:
    """Turns what is not as PyTorch has it into an error; logits go by the engine's class."""
    wanted = np.asarray(told["torch"]["results"], np.float64)
    scale = np.abs(wanted).max()
    for engine, each in told.items():
        if "error" in each:
            continue
        difference = np.abs(np.asarray(each["results"], np.float64) - wanted).max() / scale
        # Twice: PyTorch's numbers are no more exact.
        precision = engines.precision(engine)
        bar = loss_bar or 2 * LOGITS_BARS["fast" if precision == "fast" else "default"]
        if not difference <= bar:
            each["error"] = f"wrong: {difference:.1e} from PyTorch, {bar:.0e} allowed"


def _verdict(what: str, told: dict[str, dict[str, Any]], ours: str, bar: float, threads: int) -> Verdict:
    times = {engine: median(each["turns"]) for engine, each in told.items() if "error" not in each}
    figures = ", ".join(
        f"{engine} {each['error'] if 'error' in each else f'{times[engine] * 1e3:.4g} ms'}"
        for engine, each in told.items()
    )
    peers = [seconds for engine, seconds in times.items() if engine != ours]
    ratio = min(peers) / times[ours] if peers and ours in times else 0.0
    head = f"{what}, {threads} thread{'s' if threads > 1 else ''}, fastest peer / ours"
    return Verdict(head, f"{ratio:.2f}; {figures}", f">= {bar}", ratio >= bar)


def _memory(told: dict[str, dict[str, Any]]) -> Verdict:
    peaks = {engine: each["peak_mib"] for engine, each in told.items() if "error" not in each}
    ours, least = peaks["cnnfast"], min(peak for engine, peak in peaks.items() if engine != "cnnfast")
    figures = ", ".join(f"{engine} {peak:.0f}" for engine, peak in peaks.items())
    return Verdict(
        f"{SMALL}, one picture, peak memory over the smallest peer's",
        f"{ours / least:.2f}; MiB: {figures}",
        "<= 1",
        ours <= least,
    )
