"""The table of kernel_bars.py, measured: `python -m bench.gates kernels` (long; peers of the extra `bench`).

Every workload runs once for a number of threads, all engines that any of its bars names in turns. A line
whose instruction set the machine lacks shows its figures and is neither passed nor failed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bench.compare import engines
from bench.compare.driver import Measurement, measure, processes
from bench.compare.workloads import Workload
from bench.gates import Verdict, class_accuracy
from bench.gates.kernel_bars import BARS, Bar

THREADS = (1, 2)
ROUNDS, SECONDS_A_TURN = 5, 0.3

Rows = dict[Workload, list[Measurement]]


def run() -> Iterator[Verdict]:
    """Every line of the table."""
    yield from judge(ROUNDS, SECONDS_A_TURN)
    yield from class_accuracy.run(class_accuracy.EPOCHS)


def run_smoke() -> Iterator[Verdict]:
    """The same in one short turn and with next to no training: does it run? Its verdicts mean nothing."""
    yield from judge(1, 0.02)
    yield from class_accuracy.run(dict.fromkeys(class_accuracy.EPOCHS, 1))


def judge(rounds: int, seconds: float) -> Iterator[Verdict]:
    """Measures what BARS need, for each number of threads, and judges them."""
    for threads in THREADS:
        bars = [bar for bar in BARS if bar.bar(threads) is not None]
        wanted: dict[Workload, list[str]] = {}
        for bar in bars:
            for workload in bar.workloads:
                wanted.setdefault(workload, []).extend((bar.engine, *bar.peers))
        used = {name for names in wanted.values() for name in names} & set(engines.installed())
        rows: Rows = {}
        with processes(sorted(used), threads) as workers:
            for workload, names in wanted.items():
                chosen = [worker for worker in workers if worker.engine in names]
                rows[workload] = measure(workload, chosen, rounds, seconds)
        yield from (_verdict(bar, threads, rows) for bar in bars)


def _verdict(bar: Bar, threads: int, rows: Rows) -> Verdict:
    what = f"{bar.what}, {threads} thread(s), {bar.engine} over {_yardstick(bar)}"
    asked = bar.bar(threads)
    figures = {workload: _figure(bar, rows[workload]) for workload in bar.workloads}
    missing = sorted({*bar.peers, bar.engine} - set(engines.installed()))
    reached = not missing and all(
        f is not None and asked is not None and f >= asked for f in figures.values()
    )
    shown = ", ".join(f"{workload} {'-' if f is None else f'{f:.2f}'}" for workload, f in figures.items())
    if missing:
        shown += f"; not installed: {', '.join(missing)}"
    if bar.needs and bar.needs not in _flags():
        outcome = "reached" if reached else "not reached"
        return Verdict(what, shown, f">= {asked}, {outcome}; not this machine kind: no {bar.needs}", None)
    return Verdict(what, shown, f">= {asked}", reached)


def _yardstick(bar: Bar) -> str:
    return f"the fastest of {', '.join(bar.over)}" if isinstance(bar.over, tuple) else bar.over


def _figure(bar: Bar, row: list[Measurement]) -> float | None:
    """How many times its yardstick our engine is; None where something was refused."""
    timed = {m.engine: m for m in row if not m.refused}
    ours = timed.get(bar.engine)
    if ours is None:
        return None
    if isinstance(bar.over, tuple):
        others = [timed[name].median_s for name in bar.over if name in timed]
        return min(others) / ours.median_s if others else None
    share = ours.share_of_peak
    # vdpbf16ps makes two multiply-adds a lane where vfmadd makes one.
    return share / 2 if share is not None and bar.over == "bfloat16 peak" else share


def _flags() -> set[str]:
    text = Path("/proc/cpuinfo").read_text()
    return set(text.split("flags", 1)[1].split("\n", 1)[0].split())
