"""This machine and this process: which instruction sets there should be, memory, fresh interpreters."""

import os
import platform
import subprocess
import sys
from pathlib import Path

_AVX512 = {"avx512f", "avx512bw", "avx512dq", "avx512vl"}
_NEEDS = {"avx2": {"avx2", "fma"}, "avx512": _AVX512, "avx512_bf16": _AVX512 | {"avx512_bf16"}}


def expected_isas() -> set[str]:
    """What the processor has, told without asking cnnfast."""
    flags: set[str] = set()
    cpuinfo = Path("/proc/cpuinfo")
    if platform.machine() == "x86_64" and cpuinfo.exists():
        lines = [line for line in cpuinfo.read_text().splitlines() if line.startswith("flags")]
        flags = set(lines[0].split(":")[1].split()) if lines else set()
    return {"scalar"} | {name for name, needs in _NEEDS.items() if needs <= flags}


def resident_bytes() -> int:
    """Memory of this process that is really in use."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def python_environment(**environment: str) -> dict[str, str]:
    """The environment of a fresh interpreter that finds what this one finds, with these variables added."""
    path = os.pathsep.join([str(Path(__file__).parents[1]), *(p for p in sys.path if p)])
    return {**os.environ, "PYTHONPATH": path, **environment}


def run_python(code: str, timeout: float = 60, **environment: str) -> str:
    """Runs code in a fresh interpreter with these environment variables added and returns what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=python_environment(**environment),
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    assert done.returncode == 0, f"exit status {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout
