"""The share of the core's peak that each layer of bench/shapes/layers.json has reached, kept in shares.json.

    python -m bench.shares             compares this machine with its record, layer by layer
    python -m bench.shares --record    measures several times and writes the record anew

Records are kept by instruction set and processor family. One thread, cnnfast alone, both classes of
precision; in processor time, as the peak itself, so that a busy machine counts for less. Operations are those
of the direct sum: a layer with Winograd may be above 1. A layer that falls below its record by more than the
margin fails the check on AVX-512, the machines that the kernels are made for; elsewhere it is told.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping
from fnmatch import fnmatch
from pathlib import Path
from statistics import median

from bench.compare import engines
from bench.compare.report import machine
from bench.compare.worker import Worker
from bench.compare.workloads import WORKLOADS, Workload

from cnnfast import _core

FILE = Path(__file__).resolve().parent / "shapes" / "shares.json"
ENGINES = ("cnnfast", "cnnfast-exact")
ENFORCED_ON = ("avx512", "avx512_bf16")
# What a layer may lose before it is called slower: two runs on a shared machine differ by this much.
MARGIN = 0.3
TURNS, SECONDS_A_TURN = 3, 0.1
RECORDED_TURNS = 5
# A layer that looks slower is measured this often again, and its best counts: a neighbour's busy seconds
# pass, a slower kernel stays slow.
REPEATS = 3


def main() -> None:
    """Measures, prints one line a layer, and exits with 1 when one fell behind where that counts."""
    parser = argparse.ArgumentParser(prog="python -m bench.shares", description=__doc__.split("\n\n")[0])
    parser.add_argument("--record", action="store_true", help="write what is measured into shares.json")
    parser.add_argument("--workloads", nargs="+", metavar="PATTERN", default=["*"], help="as bench.compare's")
    arguments = parser.parse_args()
    key = machine_key()
    records: dict[str, dict[str, float]] = json.loads(FILE.read_text())
    known = records.setdefault(key, {})
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    behind = []
    turns, expected = (RECORDED_TURNS, {}) if arguments.record else (TURNS, known)
    for name, share in _measure(arguments.workloads, turns, expected):
        slower = is_behind(share, known.get(name))
        if slower:
            behind.append(name)
        verdict = "slower" if slower else "ok    "
        print(f"{verdict}  {name}: {share:.2f} (record {known.get(name, 'none')})", flush=True)
        if arguments.record:
            known[name] = round(share, 3)
            FILE.write_text(json.dumps(records, indent=1) + "\n")
    if arguments.record:
        return
    print(f"{key}: {len(behind)} layers more than {MARGIN:.0%} below their record; enforced on {ENFORCED_ON}")
    sys.exit(bool(behind) and _core.get_isa() in ENFORCED_ON)


def machine_key() -> str:
    """Instruction set and processor family, such as "avx2, AMD EPYC, x86_64, family 25"."""
    return f"{_core.get_isa()}, {machine(1)['cpu']}"


def is_behind(share: float, record: float | None) -> bool:
    """Whether a layer lost more than noise; without a record it cannot."""
    return record is not None and share < record * (1 - MARGIN)


def _measure(patterns: list[str], turns: int, expected: Mapping[str, float]) -> Iterator[tuple[str, float]]:
    for workload in WORKLOADS:
        if workload.layer and any(fnmatch(str(workload), pattern) for pattern in patterns):
            for engine in ENGINES:
                if engines.can(engine, workload):
                    name = f"{workload}, {engine}"
                    share = _share(engine, workload, turns)
                    for _ in range(REPEATS):
                        if is_behind(share, expected.get(name)):
                            share = max(share, _share(engine, workload, turns))
                    yield name, share


def _share(engine: str, workload: Workload, turns: int) -> float:
    """The median of the turns, each beside a measurement of the peak."""
    worker = Worker(engine, 1, time.process_time)  # sets the class of precision
    worker.prepare(str(workload), dropout=False, steps=1)
    shares: list[float] = []
    for _ in range(turns):
        now = _core.measure_flops()
        shares.append((workload.flops or 0) / worker.time(SECONDS_A_TURN)["seconds"] / now)
    worker.forget()
    return median(shares)


if __name__ == "__main__":
    main()
