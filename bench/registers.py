"""Reads what nvcc's assembler tells of kernels; fails when one spills, or needs more registers than it may.

    cmake -S . -B build/cuda -G Ninja -DCNNFAST_CUDA=ON -DCMAKE_CUDA_FLAGS=-Xptxas=-v
    cmake --build build/cuda | tee nvcc.txt
    python -m bench.registers nvcc.txt

A multiprocessor has 65,536 registers, and hides the time that memory takes by the threads that it holds: what
a kernel may need is what leaves room for as many as its file counts on.
"""

from __future__ import annotations

import argparse
import re
import sys
from dataclasses import dataclass
from pathlib import Path

# The first name that a kernel's mangled one contains tells how many registers a thread of it may have.
_LIMITS = {
    "product_kernel": 128,  # two blocks of 256 threads, or four of 128 (sums.cuh)
    "few_forward": 128,  # two blocks of 256: all sums of 16 filters at two pixels (first_layer.cu)
    "few_weights": 128,  # likewise
    "thin_weights_kernel": 128,  # two blocks of 256: all sums of a tap's strip (depthwise.cu)
    "make_strips": 128,  # two blocks of 256: a strip of results and what it sees (depthwise.cu)
    "": 80,  # three blocks of 256 threads
}

_KERNEL = re.compile(
    r"Compiling entry function '(\w+)' for '(\w+)'"
    r"(?:(?!Compiling entry).)*?(\d+) bytes spill stores, (\d+) bytes spill loads"
    r"(?:(?!Compiling entry).)*?Used (\d+) registers",
    re.DOTALL,
)


@dataclass(frozen=True)
class Kernel:
    """One kernel, compiled for one architecture."""

    name: str
    architecture: str
    spilled: int  # bytes
    registers: int

    @property
    def limit(self) -> int:
        """The registers that a thread of it may have."""
        return next(limit for part, limit in _LIMITS.items() if part in self.name)

    @property
    def fault(self) -> str:
        """What is wrong with it, or nothing."""
        if self.spilled:
            return f"{self.spilled} bytes of registers spill"
        if self.registers > self.limit:
            return f"{self.registers} registers, of at most {self.limit}"
        return ""


def kernels_of(text: str) -> list[Kernel]:
    """The kernels in what `nvcc -Xptxas=-v` printed."""
    return [
        Kernel(name, architecture, int(stores) + int(loads), int(registers))
        for name, architecture, stores, loads, registers in _KERNEL.findall(text)
    ]


def main() -> None:
    """Prints the kernels at fault; exits with 1 where there are any, or no kernels at all."""
    parser = argparse.ArgumentParser(prog="python -m bench.registers", description=__doc__.split("\n\n")[0])
    parser.add_argument("output", type=Path, metavar="FILE", help="what nvcc printed")
    path = parser.parse_args().output
    text = path.read_text()
    kernels = kernels_of(text)
    if not kernels or len(kernels) != text.count("Compiling entry function"):
        sys.exit(f"{path} tells of {len(kernels)} kernels; it has to be what nvcc -Xptxas=-v printed")
    faults = [kernel for kernel in kernels if kernel.fault]
    print(f"{len(kernels)} kernels, the largest of {max(kernel.registers for kernel in kernels)} registers")
    for kernel in faults:
        print(f"  FAIL: {kernel.name} ({kernel.architecture}): {kernel.fault}")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
