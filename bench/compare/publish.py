"""Tables from docs/results: `python -m bench.compare.publish`, from the repository's root.

Each DATE-PROCESSOR-THREADS.json that `python -m bench.compare --json` wrote gets its full tables beside it,
as Markdown. The README gets a short one, made of the latest result of one thread for each instruction set.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.compare import report
from bench.compare.driver import Measurement
from bench.compare.workloads import Task, Workload

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "docs" / "results"
BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"
# Rows and columns of the short table, as the README calls them.
NETWORKS = {
    "lenet5": "LeNet-5",
    "mnist_cnn": "MNIST CNN",
    "mnist_mlp": "MNIST MLP",
    "cifar_cnn": "CIFAR CNN",
    "vgg16": "VGG-16",
}
COLUMNS: dict[str, tuple[Task, int]] = {
    "training step, 128 images": ("train", 128),
    "prediction, 128 images": ("predict", 128),
    "prediction, one image": ("predict", 1),
}


def main() -> None:
    """Renews all tables."""
    results = {path: json.loads(path.read_text()) for path in sorted(RESULTS.glob("*.json"))}
    for path, result in results.items():
        table = report.as_markdown(result["machine"], result["engines"], measurements(result))
        path.with_suffix(".md").write_text(f"# {path.stem}\n\n{table}\n")
    readme = ROOT / "README.md"
    readme.write_text(with_table(readme.read_text(), short_tables(results)))


def measurements(result: dict[str, Any]) -> list[Measurement]:
    """What `report.as_json` made of them, back."""
    return [Measurement(**{**m, "workload": Workload(**m["workload"])}) for m in result["measurements"]]


def short_tables(results: dict[Path, dict[str, Any]]) -> str:
    """How many times as long the fastest other library takes, a table for each instruction set."""
    latest = {
        "AVX-512" if "avx512f" in result["machine"]["isa"] else "AVX2": path
        for path, result in sorted(results.items())
        if result["machine"]["threads"] == 1
    }
    blocks = []
    for isa in sorted(latest, reverse=True):
        path = latest[isa]
        processor = path.stem.split("-")[3].capitalize()
        head = f"{isa} ([{processor}]({path.relative_to(ROOT).with_suffix('.md')}), one thread)"
        blocks.append("\n".join(_short_table(head, measurements(results[path]))))
    return "\n\n".join(blocks)


def _short_table(head: str, found: Sequence[Measurement]) -> list[str]:
    lines = ["| " + " | ".join([head, *COLUMNS]) + " |", "| --- |" + " ---: |" * len(COLUMNS)]
    for network, name in NETWORKS.items():
        ratios = [
            report.ratio_to_best([m for m in found if m.workload == Workload(network, *column)])
            for column in COLUMNS.values()
        ]
        if any(ratios):
            cells = ["" if ratio is None else f"{ratio:.1f}" for ratio in ratios]
            lines.append("| " + " | ".join([name, *cells]) + " |")
    return lines


def with_table(text: str, table: str) -> str:
    """The text with the table between its markers."""
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise ValueError(f"README.md must contain {BEGIN} and {END} once each")
    head, _, rest = text.partition(BEGIN)
    return f"{head}{BEGIN}\n{table}\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    main()
