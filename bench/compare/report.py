"""What a run says: the machine, a table of networks, one of layers; as Markdown and as JSON."""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.compare.driver import Measurement
from bench.compare.layer_networks import PREFIX

OURS = ("cnnfast", "cnnfast-exact", "cnnfast-fast")
# The instruction sets that decide how fast float32 can be.
_ISAS = ("avx", "avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "amx_tile")


def machine(threads: int) -> dict[str, Any]:
    """The processor's name and instruction sets, the threads in use, Python."""
    fields: dict[str, str] = {}
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        key, _, value = line.partition(":")
        fields.setdefault(key.strip(), value.strip())
    flags = set(fields.get("flags", "").split())
    return {
        "cpu": f"{fields.get('model name', 'CPU')}, {platform.machine()}, family {fields.get('cpu family')}",
        "isa": [name for name in _ISAS if name in flags],
        "threads": threads,
        "python": platform.python_version(),
        "precision": "float32 (default class unless said otherwise)",
    }


def as_json(
    about: dict[str, Any], engines: dict[str, Any], measurements: Sequence[Measurement]
) -> dict[str, Any]:
    """Everything that was measured, turn by turn."""
    return {"machine": about, "engines": engines, "measurements": [asdict(m) for m in measurements]}


def as_markdown(about: dict[str, Any], engines: dict[str, Any], measurements: Sequence[Measurement]) -> str:
    """The machine, the versions, a table of networks, one of layers, and why cells are empty."""
    versions = {key: value for engine in engines.values() for key, value in engine["versions"].items()}
    lines = [
        f"{about['cpu']} ({', '.join(about['isa'])}); {about['threads']} thread(s); {about['precision']}.",
        f"{', '.join(f'{key} {value}' for key, value in versions.items())}, Python {about['python']}.",
    ]
    lines += _networks([m for m in measurements if not m.workload.layer])
    lines += _layers([m for m in measurements if m.workload.layer])
    refused = [f"- {m.workload}, {m.engine}: {m.refused}" for m in measurements if m.refused]
    if refused:
        lines += ["", "Without a figure:", "", *refused]
    return "\n".join(lines)


def _networks(measurements: Sequence[Measurement]) -> list[str]:
    if not measurements:
        return []
    about = (
        "Whole networks, microseconds a call: median of the turns, ± half their spread. "
        "Ratios within a row are what counts."
    )
    return ["", about, "", *_table(measurements, _time, [])]


def _layers(measurements: Sequence[Measurement]) -> list[str]:
    if not measurements:
        return []
    peak = max((m.peak for m in measurements if m.peak), default=0) * 1e-9
    about = (
        "Single layers in chains, effective GFLOP/s: operations of the direct sum over the median time, "
        "± half the spread; the batch comes last. "
        f"Above the peak of {peak:.0f} GFLOP/s, measured beside each row, is Winograd."
    )
    ours = [name for name in OURS if any(m.engine == name for m in measurements)]
    return ["", about, "", *_table(measurements, _rate, ours)]


def _table(
    measurements: Sequence[Measurement], cell: Callable[[Measurement], str], shares: Sequence[str]
) -> list[str]:
    """One row a workload: the engines' cells, the best peer's ratio, and the shares of the peak asked for."""
    names = list(dict.fromkeys(m.engine for m in measurements))
    head = ["workload", *names, "best peer / cnnfast", *(f"{name}, % of peak" for name in shares)]
    lines = ["| " + " | ".join(head) + " |", "| --- |" + " ---: |" * (len(head) - 1)]
    for workload in dict.fromkeys(m.workload for m in measurements):
        row = {m.engine: m for m in measurements if m.workload == workload}
        cells = [str(workload).removeprefix(PREFIX)]
        for name in names:
            cells.append("" if name not in row else "refused" if row[name].refused else cell(row[name]))
        ratio = ratio_to_best(list(row.values()))
        cells.append("" if ratio is None else f"{ratio:.2f}")
        cells += [_share(row.get(name)) for name in shares]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def _time(measurement: Measurement) -> str:
    return f"{measurement.median_s * 1e6:.4g} ±{measurement.spread * 50:.0f}%"


def _rate(measurement: Measurement) -> str:
    return f"{measurement.gflops:.4g} ±{measurement.spread * 50:.0f}%"


def _share(measurement: Measurement | None) -> str:
    if measurement is None or measurement.refused or measurement.share_of_peak is None:
        return ""
    return f"{measurement.share_of_peak:.0%}"


def ratio_to_best(row: Sequence[Measurement]) -> float | None:
    """How many times faster cnnfast is than the fastest other library; None without both."""
    timed = {m.engine: m.median_s for m in row if not m.refused}
    others = [s for name, s in timed.items() if name not in OURS]
    if "cnnfast" not in timed or not others:
        return None
    return min(others) / timed["cnnfast"]
