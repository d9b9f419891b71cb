"""The package from outside: how long the import takes, how big the wheel is and that it brings its OpenMP."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from bench.gates import Verdict

IMPORTS = 7
IMPORT_SECONDS_OVER_NUMPY = 0.12
WHEEL_MIB = 5.0
WHEELS = Path("dist") / "repaired"
_TIMED_IMPORT = """
import time, numpy
start = time.perf_counter()
import cnnfast
print(time.perf_counter() - start)
"""


def run_import() -> Iterator[Verdict]:
    """Median over fresh processes, beyond NumPy's own import."""
    seconds = median(import_seconds(sys.executable) for _ in range(IMPORTS))
    yield Verdict(
        "import cnnfast, beyond NumPy",
        f"{seconds * 1e3:.0f} ms",
        f"<= {IMPORT_SECONDS_OVER_NUMPY * 1e3:.0f} ms",
        seconds <= IMPORT_SECONDS_OVER_NUMPY,
    )


def import_seconds(python: str | Path) -> float:
    """The import's time in a fresh process of that interpreter, NumPy's taken off."""
    told = subprocess.run([python, "-c", _TIMED_IMPORT], check=True, capture_output=True, text=True)
    return float(told.stdout)


def run_wheel() -> Iterator[Verdict]:
    """The repaired wheel in dist/repaired."""
    wheels = sorted(WHEELS.glob("cnnfast-*manylinux*.whl"))
    yield Verdict(f"wheels in {WHEELS}", str(len(wheels)), "1", len(wheels) == 1)
    for wheel in wheels:
        mib = wheel.stat().st_size / 2**20
        yield Verdict(f"size of {wheel.name}", f"{mib:.2f} MiB", f"<= {WHEEL_MIB} MiB", mib <= WHEEL_MIB)
        names = zipfile.ZipFile(wheel).namelist()
        vendored = [name for name in names if name.startswith("cnnfast.libs/libgomp")]
        yield Verdict("libgomp in the wheel", ", ".join(vendored) or "none", "1", len(vendored) == 1)
