"""A model as a table."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from cnnfast.layers.input import InputLayer
from cnnfast.models.base import BaseModel
from cnnfast.models.receptive import receptive_fields, told
from cnnfast.utils.arguments import entries
from cnnfast.utils.table import table_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cnnfast.models.blueprint import Blueprint, Node
    from cnnfast.models.receptive import Field

_HEADER = (
    "Layer (type)",
    "Output Shape",
    "Receptive Field",
    "Param #",
    "Multiply-Adds",
    "Memory",
    "Trainable",
)
_RECEPTIVE = 2  # the column that only networks of images have


def summary_lines(
    model: BaseModel,
    line_length: int | None,
    expand_nested: bool = False,
    layer_range: Sequence[str] | None = None,
) -> list[str]:
    """Returns the lines of `model.summary()`.

    Args:
        model: The model.
        line_length: Width of the table in characters; None fits the widest entries.
        expand_nested: Whether the layers of models in it are listed below them.
        layer_range: What the names of the first and the last layer to list match; None for all.

    Raises:
        ValueError: If it is no pair of regular expressions, or no name matches one.
    """
    shown = range(len(model.blueprint.nodes)) if layer_range is None else _between(model, layer_range)
    header, rows = list(_HEADER), _rows(model.blueprint, expand_nested, shown=shown)
    if all(row[_RECEPTIVE] == "-" for row in rows):
        for row in [header, *rows]:
            del row[_RECEPTIVE]
    table = table_lines(header, rows, left=2, line_length=line_length)
    device = [] if model.device == "cpu" else [f"Device: {model.device}"]
    return [f'Model: "{model.name}"', *table, *_totals(model), *device]


def _between(model: BaseModel, layer_range: Sequence[str]) -> range:
    """The places of the nodes from the first that matches the one to the last that matches the other."""
    ends = entries(layer_range)
    if ends is None or len(ends) != 2 or not all(isinstance(each, str) for each in ends):
        raise ValueError(f"layer_range must be two names of layers, got {layer_range!r}")
    names = [node.layer.name for node in model.blueprint.nodes]
    found = [[i for i, name in enumerate(names) if re.match(each, name)] for each in ends]
    for each, places in zip(ends, found, strict=True):
        if not places:
            raise ValueError(f"layer_range: no layer's name matches {each!r}; there are {names}")
    first, last = sorted((found[0][0], found[1][-1]))
    return range(first, last + 1)


def _rows(
    plan: Blueprint,
    expand_nested: bool,
    depth: int = 0,
    begin: Sequence[Field | None] | None = None,
    shown: range | None = None,
) -> list[list[str]]:
    rows, fields = [], receptive_fields(plan, begin)
    for place, (node, field) in enumerate(zip(plan.nodes, fields, strict=True)):
        layer = node.layer
        if shown is not None and place not in shown:
            continue
        if depth and isinstance(layer, InputLayer):
            continue
        rows.append(_row(node, field, depth))
        if expand_nested and isinstance(layer, BaseModel):
            sources = [fields[place] for place in node.sources]
            rows += _rows(layer.blueprint, True, depth + 1, sources)
    return rows


def _row(node: Node, field: Field | None, depth: int) -> list[str]:
    layer, known = node.layer, None not in node.symbol.shape[1:]
    parameters = layer.count_params()
    trainable = ("yes" if layer.trainable else "no") if parameters else "-"
    return [
        f"{'  ' * depth}{layer.name} ({type(layer).__name__})",
        str(node.symbol.shape),
        told(field),
        f"{parameters:,}",
        f"{node.multiply_adds:,}" if known else "-",
        _bytes(4 * math.prod(node.shape)) if known else "-",
        trainable,
    ]


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
