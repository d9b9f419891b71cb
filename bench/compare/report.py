"""What a run says: the machine, one table, the same as JSON, and the README's copy of the table."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.compare.driver import Measurement

BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"
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
        "precision": "float32 (default class)",
    }


def as_json(
    about: dict[str, Any], engines: dict[str, Any], measurements: Sequence[Measurement]
) -> dict[str, Any]:
    """Everything that was measured, turn by turn."""
    return {"machine": about, "engines": engines, "measurements": [asdict(m) for m in measurements]}


def as_markdown(about: dict[str, Any], engines: dict[str, Any], measurements: Sequence[Measurement]) -> str:
    """The machine, the versions, one row a workload, and why cells are empty."""
    names = list(dict.fromkeys(m.engine for m in measurements))
    versions = {key: value for engine in engines.values() for key, value in engine["versions"].items()}
    lines = [
        f"{about['cpu']} ({', '.join(about['isa'])}); {about['threads']} thread(s); {about['precision']}.",
        f"{', '.join(f'{key} {value}' for key, value in versions.items())}, Python {about['python']}.",
        "Microseconds a call: median of the turns, ± half their spread. Ratios within a row are what counts.",
        "",
        "| workload | " + " | ".join(names) + " | best peer / cnnfast |",
        "| --- |" + " ---: |" * (len(names) + 1),
    ]
    for workload in dict.fromkeys(str(m.workload) for m in measurements):
        row = {m.engine: m for m in measurements if str(m.workload) == workload}
        cells = [_cell(row.get(name)) for name in names]
        lines.append(f"| {workload} | " + " | ".join(cells) + f" | {_ratio(row)} |")
    refused = [f"- {m.workload}, {m.engine}: {m.refused}" for m in measurements if m.refused]
    if refused:
        lines += ["", "Without a figure:", "", *refused]
    return "\n".join(lines)


def _cell(measurement: Measurement | None) -> str:
    if measurement is None:
        return ""
    if measurement.refused:
        return "refused"
    return f"{measurement.median_s * 1e6:.4g} ±{measurement.spread * 50:.0f}%"


def _ratio(row: dict[str, Measurement]) -> str:
    ratio = ratio_to_best(list(row.values()))
    return "" if ratio is None else f"{ratio:.2f}"


def ratio_to_best(row: Sequence[Measurement]) -> float | None:
    """How many times faster cnnfast is than the fastest other engine; None without both."""
    timed = {m.engine: m.median_s for m in row if not m.refused}
    others = [s for name, s in timed.items() if name != "cnnfast"]
    if "cnnfast" not in timed or not others:
        return None
    return min(others) / timed["cnnfast"]


def update_readme(readme: Path, table: str) -> None:
    """Replaces what stands between the markers."""
    text = readme.read_text()
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise ValueError(f"{readme.name} must contain {BEGIN} and {END} once each")
    head, _, rest = text.partition(BEGIN)
    tail = rest.partition(END)[2]
    readme.write_text(f"{head}{BEGIN}\n{table}\n{END}{tail}")
