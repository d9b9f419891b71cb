"""One's own pictures in one command: `cnnfast train FOLDER` on CIFAR-10 as JPEG files.

Needs Pillow and `$CNNFAST_DATA/cifar10-jpeg/cifar10.tar.xz`, which holds train/CLASS and test/CLASS.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.gates import Effort, Verdict

EPOCHS = 10
LEAST_ACCURACY = 68.0
LONGEST_SECONDS = 300.0
THREADS = 2


def run(effort: Effort) -> Iterator[Verdict]:
    """The test accuracy, and the time of the whole command."""
    epochs = effort.epochs or EPOCHS
    with cifar_folder() as folder, tempfile.TemporaryDirectory() as out:
        command = [sys.executable, "-m", "cnnfast.cli", "train", str(folder), "--out", out]
        command += ["--epochs", str(epochs), "--threads", str(THREADS)]
        start = time.perf_counter()
        printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        seconds = time.perf_counter() - start
    found = re.search(r"^Test accuracy\s+([\d.]+) %$", printed, re.MULTILINE)
    if found is None:
        raise RuntimeError(f"cnnfast train printed no test accuracy:\n{printed}")
    what = f"CIFAR-10, JPEG q75 copy, from a folder, {epochs} epochs"
    yield Verdict(
        f"{what}, test accuracy",
        f"{found[1]} %",
        f">= {LEAST_ACCURACY:.0f} %",
        float(found[1]) >= LEAST_ACCURACY,
    )
    yield Verdict(
        f"{what}, whole command on {THREADS} threads",
        f"{seconds:.0f} s",
        f"<= {LONGEST_SECONDS:.0f} s",
        seconds <= LONGEST_SECONDS,
    )


@contextmanager
def cifar_folder() -> Iterator[Path]:
    """CIFAR-10's pictures, unpacked for as long as the context lasts."""
    archive = Path(os.environ.get("CNNFAST_DATA", "data")) / "cifar10-jpeg" / "cifar10.tar.xz"
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(archive) as packed:
            packed.extractall(folder, filter="data")
        yield Path(folder)
