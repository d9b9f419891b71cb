"""Disassembles built kernels and fails when an inner loop of multiply-adds keeps vectors on the stack.

    cmake --preset dev && cmake --build --preset dev --target cnnfast
    python -m bench.spills build/dev/CMakeFiles/cnnfast.dir/csrc/kernels/isa/*.o

A compiler that runs out of registers, or that leaves a loop over accumulators rolled, costs a kernel a third
of its speed and no test its colour. A loop is what a conditional jump backwards spans; an inner one spans no
other. It is looked at when most of its vector arithmetic is multiply-adds, and is at fault when a vector
instruction of it names the stack. Winograd's transforms, most of which make as many additions, are left out
wholly: their tiles have more values than there are registers, and lie on the stack for good reason.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

# One element at a time, limited by memory or by a chain of dependent operations, never by multiply-adds.
_ELEMENTWISE = re.compile(
    r"adam|sgd|activate|softmax|cross_entropy|squared_error|scale_shift|normalize_grad|normalize$|compute<"
)
# The last one holds transforms that were inlined; its products are functions of their own.
_TRANSFORM = re.compile(r"winograd_(transform|weights|wgrad$)")
# Multiply-adds over other arithmetic, from which on a loop is a sum of products.
_SUM_OF_PRODUCTS = 2

_FUNCTION = re.compile(r"^[0-9a-f]+ <(.+)>:$")
_INSTRUCTION = re.compile(r"^\s*([0-9a-f]+):\s+(\S+)\s*([^<]*)")
_JUMP = re.compile(r"^([0-9a-f]+)\s*$")
_MULTIPLY_ADD = re.compile(r"^(vfn?m(add|sub)\w*p[sd]|vdpbf16ps)$")
_ARITHMETIC = re.compile(r"^v(mul|add|sub)p[sd]$")
_MULTIPLY_ADD_LINES = re.compile(r"\svfn?m(?:add|sub)\w*p[sd]\s|\svdpbf16ps\s")
_VECTOR = re.compile(r"%[xyz]mm\d")


@dataclass(frozen=True)
class _Instruction:
    address: int
    name: str
    operands: str

    @property
    def target(self) -> int | None:
        """Where a conditional jump goes. Others lead back from code that was moved out of the way."""
        found = _JUMP.match(self.operands) if self.name.startswith("j") and self.name != "jmp" else None
        return int(found[1], 16) if found else None


@dataclass(frozen=True)
class Spill:
    """One inner loop with vectors on the stack."""

    function: str
    start: int
    multiply_adds: int
    on_stack: int

    def __str__(self) -> str:
        return (
            f"{self.function}: the loop at {self.start:#x} makes {self.multiply_adds} multiply-adds and "
            f"names the stack in {self.on_stack} vector instructions"
        )


def find_spills(disassembly: str) -> list[Spill]:
    """The worst inner loop of each faulty function in the output of `objdump -d -C --no-show-raw-insn`."""
    worst: dict[str, Spill] = {}
    for function, body in _functions(disassembly):
        if _ELEMENTWISE.search(function) or _TRANSFORM.search(function):
            continue
        # Without a frame, rbp is a register like any other.
        frame = any(i.name == "mov" and i.operands.strip() == "%rsp,%rbp" for i in body)
        stack = re.compile(r"\(%r[sb]p" if frame else r"\(%rsp")
        for loop in _inner_loops(body):
            multiply_adds = sum(bool(_MULTIPLY_ADD.match(i.name)) for i in loop)
            if multiply_adds <= _SUM_OF_PRODUCTS * sum(bool(_ARITHMETIC.match(i.name)) for i in loop):
                continue
            on_stack = sum(bool(_VECTOR.search(i.operands) and stack.search(i.operands)) for i in loop)
            if on_stack > (worst[function].on_stack if function in worst else 0):
                worst[function] = Spill(function, loop[0].address, multiply_adds, on_stack)
    return list(worst.values())


def _functions(disassembly: str) -> Iterator[tuple[str, list[_Instruction]]]:
    name, body = "", list[_Instruction]()
    for line in disassembly.splitlines():
        if found := _FUNCTION.match(line):
            yield name, body
            name, body = _bare(found[1]), []
        elif found := _INSTRUCTION.match(line):
            body.append(_Instruction(int(found[1], 16), found[2], found[3]))
    yield name, body


def _bare(signature: str) -> str:
    """ "void cnnfast::avx2_impl::tile<2, 14>(Args const&)" is tile<2, 14>."""
    return signature.replace("(anonymous namespace)", "").split("(")[0].rsplit("::", 1)[-1]


def _inner_loops(body: Sequence[_Instruction]) -> Iterator[list[_Instruction]]:
    first = body[0].address if body else 0
    spans = {(i.target, i.address) for i in body if i.target is not None and first <= i.target <= i.address}
    for start, end in sorted(spans):
        if not any(other != (start, end) and start <= other[0] and other[1] <= end for other in spans):
            yield [i for i in body if start <= i.address <= end]


def spills_of(path: Path) -> list[Spill]:
    """Finds and prints the spills of an object file."""
    command = ["objdump", "-d", "-C", "--no-show-raw-insn", str(path)]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    isa = path.name.split(".")[0]
    count = len(_MULTIPLY_ADD_LINES.findall(text))
    if not count:
        raise ValueError(f"{path} has no vector multiply-adds: it is not what should be looked at")
    found = find_spills(text)
    print(f"{isa}: {count} vector multiply-adds, {len(found)} functions with a spill")
    for spill in found:
        print(f"  FAIL: {spill}")
    return found


def main() -> None:
    """Prints what was found in each object file; exits with 1 when a loop spills."""
    parser = argparse.ArgumentParser(prog="python -m bench.spills", description=__doc__.split("\n\n")[0])
    parser.add_argument("objects", nargs="+", type=Path, metavar="FILE.o")
    faults = [spill for path in parser.parse_args().objects for spill in spills_of(path)]
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
