"""A model as a table."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from cnnfast.utils.table import table_lines

if TYPE_CHECKING:
    from cnnfast.models.base import BaseModel
    from cnnfast.models.blueprint import Node

_HEADER = ("Layer (type)", "Output Shape", "Param #", "Multiply-Adds", "Memory", "Trainable")


def summary_lines(model: BaseModel, line_length: int | None) -> list[str]:
    """Returns the lines of `model.summary()`.

    Args:
        model: The model.
        line_length: Width of the table in characters; None fits the widest entries.
    """
    plan = model.blueprint
    rows = [_row(node) for node in plan.nodes]
    table = table_lines(_HEADER, rows, left=2, line_length=line_length)
    return [f'Model: "{model.name}"', *table, *_totals(model)]


def _row(node: Node) -> tuple[str, ...]:
    layer, known = node.layer, None not in node.symbol.shape[1:]
    parameters = layer.count_params()
    trainable = ("yes" if layer.trainable else "no") if parameters else "-"
    return (
        f"{layer.name} ({type(layer).__name__})",
        str(node.symbol.shape),
        f"{parameters:,}",
        f"{node.multiply_adds:,}" if known else "-",
        _bytes(4 * math.prod(node.shape)) if known else "-",
        trainable,
    )


def _totals(model: BaseModel) -> list[str]:
    plan, variables = model.blueprint, model._variables()
    total = sum(variable.size for variable in variables)
    trained = sum(variable.size for variable in variables if variable.trainable)
    work = sum(node.multiply_adds for node in plan.nodes)
    memory = sum(4 * math.prod(node.shape) for node in plan.nodes)
    counts = [
        f"Total params: {total:,} ({_bytes(4 * total)})",
        f"Trainable params: {trained:,} ({_bytes(4 * trained)})",
        f"Non-trainable params: {total - trained:,} ({_bytes(4 * (total - trained))})",
    ]
    if any(None in node.symbol.shape[1:] for node in plan.nodes):
        return counts
    return [
        *counts,
        f"Multiply-adds for one sample: {work:,}",
        f"Activations of one sample: {_bytes(memory)}",
    ]


def _bytes(count: float) -> str:
    for unit in ("B", "KB", "MB"):
        if count < 1024:
            return f"{count:.0f} B" if unit == "B" else f"{count:.2f} {unit}"
        count /= 1024
    return f"{count:.2f} GB"
