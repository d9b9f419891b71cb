"""The table of kernel_bars.py, measured: `python -m bench.gates kernels` (long; peers of the extra `bench`).

A workload runs once for a number of threads, all engines that any of its bars names in turns. The figure of
a bar is that of its worst workload, by medians of the turns; in brackets stands what the fastest turns give,
which neighbours on the machine disturb less. The bars are meant for AVX-512; what was measured on is told
first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fnmatch import fnmatch

from bench.compare import engines
from bench.compare.driver import Measurement, Process, measure, processes
from bench.compare.report import machine
from bench.compare.workloads import Workload
from bench.gates import Effort, Verdict, precision
from bench.gates.kernel_bars import BARS, Bar

from cnnfast import _core


def run(effort: Effort) -> Iterator[Verdict]:
    """Every line of the table, as soon as it is known, and at the end the table."""
    clock = "processor time" if effort.processor_time else "the wall's clock"
    cpu = machine(1)["cpu"]
    print(f"measured on {_core.get_isa()}, {cpu}, in {clock}; the bars are for avx512", flush=True)
    cells: dict[str, dict[int, Verdict]] = {}
    for threads in effort.threads:
        for bar, verdict in _judge(threads, effort):
            cells.setdefault(bar.what, {})[threads] = verdict
            yield verdict
    for verdict in precision.run(effort):
        cells[verdict.what] = {effort.threads[0]: verdict}
        yield verdict
    print(_table(cells, effort.threads), flush=True)


def _table(cells: dict[str, dict[int, Verdict]], threads: tuple[int, ...]) -> str:
    lines = [
        f"| measured on {_core.get_isa()} | {' | '.join(f'{n} thread(s)' for n in threads)} |",
        f"| --- |{' --- |' * len(threads)}",
    ]
    for what, row in cells.items():
        shown = (
            f"{row[n].measured.split(';')[0]}, {row[n].bar}: {row[n].outcome}" if n in row else ""
            for n in threads
        )
        lines.append(f"| {what} | {' | '.join(shown)} |")
    return "\n".join(lines)


def _judge(threads: int, effort: Effort) -> Iterator[tuple[Bar, Verdict]]:
    """Measures what BARS need, for this number of threads, and judges them."""
    bars = [bar for bar in BARS if bar.bar(threads) is not None and fnmatch(bar.what, effort.only)]
    wanted: dict[Workload, set[str]] = {}
    for bar in bars:
        for workload in bar.workloads:
            wanted.setdefault(workload, set()).update((bar.engine, *bar.peers))
    used = set[str]().union(*wanted.values()) & set(engines.installed())
    rows: dict[Workload, list[Measurement]] = {}
    with processes(sorted(used), threads, effort.processor_time) as workers:
        for bar in bars:
            for workload in bar.workloads:
                if workload not in rows:
                    rows[workload] = _row(workload, workers, wanted[workload], effort)
            yield bar, _verdict(bar, threads, [rows[workload] for workload in bar.workloads])


def _row(workload: Workload, workers: list[Process], names: set[str], effort: Effort) -> list[Measurement]:
    chosen = [worker for worker in workers if worker.engine in names]
    return measure(workload, chosen, effort.rounds, effort.seconds)


def _verdict(bar: Bar, threads: int, rows: list[list[Measurement]]) -> Verdict:
    what, asked = f"{bar.what}, {threads} thread(s)", f">= {bar.bar(threads)}"
    missing = sorted({*bar.peers, bar.engine} - set(engines.installed()))
    if missing:
        return Verdict(what, f"not installed: {', '.join(missing)}", asked, False)
    if bar.needs and bar.needs not in machine(threads)["isa"]:
        return Verdict(what, f"needs {bar.needs}", asked, None)
    figures = {str(workload): _figure(bar, row) for workload, row in zip(bar.workloads, rows, strict=True)}
    fastest = [_figure(bar, [replace(m, turns_s=[min(m.turns_s)]) for m in row if m.turns_s]) for row in rows]
    refused = [
        f"{m.workload}, {m.engine}: {m.refused}"
        for row in rows
        for m in row
        if m.refused and m.engine in {bar.engine, *bar.peers}
    ]
    ours = [figure for figure in figures.values() if figure is not None]
    each = [f"{name} {_shown([f], [best])}" for (name, f), best in zip(figures.items(), fastest, strict=True)]
    worst = _shown(list(figures.values()), fastest)
    passed = len(ours) == len(figures) and min(ours) >= (bar.bar(threads) or 0)
    return Verdict(what, "; ".join((worst, ", ".join(each), *refused)), asked, passed)


def _shown(medians: list[float | None], fastest: list[float | None]) -> str:
    """The least of each; nothing unless all are known."""
    least = [None if None in figures else min(f for f in figures if f) for figures in (medians, fastest)]
    return "{} ({})".format(*("-" if figure is None else f"{figure:.2f}" for figure in least))


def _figure(bar: Bar, row: list[Measurement]) -> float | None:
    """How many times its yardstick our engine is; None where that was refused, or every peer."""
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
