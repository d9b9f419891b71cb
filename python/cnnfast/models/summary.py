"""A model as a table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cnnfast.models.base import BaseModel
    from cnnfast.models.blueprint import Blueprint, Node

_HEADER = ("Layer (type)", "Output Shape", "Param #", "Multiply-Adds", "Memory", "Trainable")
_GAP = 2


def summary_lines(model: BaseModel, line_length: int | None) -> list[str]:
    """Returns the lines of `model.summary()`.

    Args:
        model: The model.
        line_length: Width of the table in characters; None fits the widest entries.
    """
    plan = model.blueprint
    rows = [_row(plan, node) for node in plan.nodes]
    widths = _widths(rows, line_length)
    rule = "─" * (sum(widths) + _GAP * (len(widths) - 1))
    table = [_line(_HEADER, widths), rule, *(_line(row, widths) for row in rows), rule]
    return [f'Model: "{model.name}"', *table, *_totals(plan)]


def _row(plan: Blueprint, node: Node) -> tuple[str, ...]:
    layer = node.layer
    parameters = _count(plan, node)
    trainable = ("yes" if layer.trainable else "no") if parameters else "-"
    return (
        f"{layer.name} ({type(layer).__name__})",
        str((None, *node.shape)),
        f"{parameters:,}",
        f"{node.multiply_adds:,}",
        _bytes(4 * math.prod(node.shape)),
        trainable,
    )


def _count(plan: Blueprint, node: Node) -> int:
    return sum(math.prod(info["shape"]) for info in plan.parameters_of(node.layer))


def _totals(plan: Blueprint) -> list[str]:
    counts = {id(node.layer): (_count(plan, node), node.layer.trainable) for node in plan.nodes}
    total = sum(count for count, _ in counts.values())
    trained = sum(count for count, trainable in counts.values() if trainable)
    work = sum(node.multiply_adds for node in plan.nodes)
    memory = sum(4 * math.prod(node.shape) for node in plan.nodes)
    return [
        f"Total params: {total:,} ({_bytes(4 * total)})",
        f"Trainable params: {trained:,} ({_bytes(4 * trained)})",
        f"Non-trainable params: {total - trained:,} ({_bytes(4 * (total - trained))})",
        f"Multiply-adds for one sample: {work:,}",
        f"Activations of one sample: {_bytes(memory)}",
    ]


def _widths(rows: Sequence[tuple[str, ...]], line_length: int | None) -> list[int]:
    widths = [max(map(len, column)) for column in zip(_HEADER, *rows, strict=True)]
    if line_length is not None:
        # Numbers stay whole; only the names give way or take what is left.
        widths[0] = max(len(_HEADER[0]), line_length - sum(widths[1:]) - _GAP * (len(widths) - 1))
    return widths


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    fitted = [
        cell if len(cell) <= width else cell[: width - 1] + "…"
        for cell, width in zip(cells, widths, strict=True)
    ]
    left = [f"{cell:<{width}}" for cell, width in zip(fitted[:2], widths[:2], strict=True)]
    right = [f"{cell:>{width}}" for cell, width in zip(fitted[2:], widths[2:], strict=True)]
    return (" " * _GAP).join([*left, *right])


def _bytes(count: float) -> str:
    for unit in ("B", "KB", "MB"):
        if count < 1024:
            return f"{count:.0f} B" if unit == "B" else f"{count:.2f} {unit}"
        count /= 1024
    return f"{count:.2f} GB"
