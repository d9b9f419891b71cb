"""Optimizers as formulas: one traced step of one number of a weight, which the core runs over all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnnfast.layers.tracing import Tracing, Value

if TYPE_CHECKING:
    from cnnfast.optimizers.formula_optimizer import FormulaOptimizer

_NUMBERS = 8  # of the weight that is traced; any would do


def traced(optimizer: FormulaOptimizer, decays: bool) -> tuple[Tracing, list[int]]:
    """Returns a graph of weight, gradient, slots, rate and step, and what weight and slots become in it.

    Args:
        optimizer: The optimizer.
        decays: Whether the weight decays.

    Example:
        >>> from cnnfast.optimizers import RMSprop
        >>> graph, outputs = traced(RMSprop(), False)
        >>> len(graph.inputs), len(outputs)
        (5, 2)
    """
    graph = Tracing()

    def source(name: str, *shape: int) -> Value:
        return graph.value(graph.input(shape, name, 0))

    with graph.within():
        weight, gradient = source("weight", _NUMBERS), source("gradient", _NUMBERS)
        slots = [source(f"slot_{i}", _NUMBERS) for i in range(len(optimizer._begins()))]
        rate, step = source("learning_rate"), source("step")
        moved, new = optimizer._stepped(weight, gradient, slots, rate, step, decays)
        if len(new) != len(slots):
            raise ValueError(f"{type(optimizer).__name__} keeps {len(slots)} slots and returned {len(new)}")
    return graph, [graph.as_value(each).number for each in (moved, *new)]
