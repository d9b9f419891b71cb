"""MNIST as a user learns it: `cnnfast train mnist`, three seeds, the accuracy and the time that it prints."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from statistics import mean, median

from bench.gates import Verdict

SEEDS = (0, 1, 2)
THREADS = 2
# Of the median command: on a shared machine one of them may have to wait for others.
LONGEST_SECONDS = 60.0
# Least mean accuracy in percent.
BARS = {"cnn": 99.2, "mlp": 98.2}


def run() -> Iterator[Verdict]:
    """Mean accuracy of each model and the median time of the whole command."""
    for model, bar in BARS.items():
        accuracies, seconds = zip(*(_train(model, seed) for seed in SEEDS), strict=True)
        each = ", ".join(f"{a:.2f}" for a in accuracies)
        yield Verdict(
            f"MNIST {model}, mean test accuracy of seeds {SEEDS}",
            f"{mean(accuracies):.2f} % ({each})",
            f">= {bar} %",
            mean(accuracies) >= bar,
        )
        yield Verdict(
            f"MNIST {model}, median of {len(SEEDS)} whole commands on {THREADS} threads",
            f"{median(seconds):.1f} s ({', '.join(f'{s:.1f}' for s in seconds)})",
            f"< {LONGEST_SECONDS:.0f} s",
            median(seconds) < LONGEST_SECONDS,
        )


def _train(model: str, seed: int) -> tuple[float, float]:
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, "-m", "cnnfast.cli", "train", "mnist", "--model", model, "--out", out]
        command += ["--seed", str(seed), "--threads", str(THREADS)]
        start = time.perf_counter()
        printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        seconds = time.perf_counter() - start
    found = re.search(r"^Test accuracy\s+([\d.]+) %$", printed, re.MULTILINE)
    if found is None:
        raise RuntimeError(f"cnnfast train printed no test accuracy:\n{printed}")
    return float(found[1]), seconds
