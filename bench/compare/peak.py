"""This machine's float32 peak: a loop of multiply-adds on registers alone, compiled when it is needed.

Measured beside every workload, so that shares of the peak are shares of what the core gave at that time.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

# Vector bytes and compiler flags of the engine's instruction sets.
_ISAS = {"scalar": (16, ""), "avx2": (32, "-mavx2 -mfma"), "avx512": (64, "-mavx512f -mfma")}
# Twelve sums hide the latency of two pipes and fit, with two operands, into sixteen registers.
_SUMS, _UNROLLED = 12, 8
_ITERATIONS = 20_000
_RUNS = 5
_SOURCE = """
typedef float V __attribute__((vector_size({width})));
float peak(long iterations, float x) {{
  V a = x - (V){{}}, b = (1 - x) - (V){{}}, total = {{}};
  {declare}
  while (iterations--) {{ {body} }}
  {add}
  return total[0];
}}
"""


def machine_isa() -> str:
    """The widest of those instruction sets that the processor has."""
    flags = Path("/proc/cpuinfo").read_text().split("flags", 1)[1].split("\n", 1)[0].split()
    return "avx512" if "avx512f" in flags else "avx2" if "avx2" in flags else "scalar"


def measure() -> float:
    """FLOP/s of one core: the best of a few short runs, in processor time."""
    isa = machine_isa()
    loop = _loop(isa)
    flops = 2 * _SUMS * _UNROLLED * (_ISAS[isa][0] // 4) * _ITERATIONS
    best = float("inf")
    for _ in range(_RUNS):
        start = time.process_time()
        loop(_ITERATIONS, 0.999)
        best = min(best, time.process_time() - start)
    return flops / best


@lru_cache(maxsize=1)
def _loop(isa: str) -> Callable[[int, float], float]:
    width, flags = _ISAS[isa]
    sums = [f"s{i}" for i in range(_SUMS)]
    source = _SOURCE.format(
        width=width,
        declare=" ".join(f"V {s} = a + {i}.0f;" for i, s in enumerate(sums)),
        body=" ".join(f"{s} = {s} * a + b;" for _ in range(_UNROLLED) for s in sums),
        add=" ".join(f"total += {s};" for s in sums),
    )
    compiler = os.environ.get("CC", "cc")
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "peak.so"
        command = [compiler, "-x", "c", "-", "-O2", "-ffp-contract=fast", *flags.split()]
        subprocess.run(
            [*command, "-shared", "-fPIC", "-o", str(library)], input=source, text=True, check=True
        )
        function = ctypes.CDLL(str(library)).peak
    function.argtypes, function.restype = (ctypes.c_long, ctypes.c_float), ctypes.c_float
    run: Callable[[int, float], float] = function
    return run
