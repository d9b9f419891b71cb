"""Instructions of the core's formulas on values of a graph: what all element-wise words are made of."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnnfast._core import Weight
from cnnfast.layers.tracing import Value, current_tracing


def formula(instruction: str, *operands: Any, seed: int | None = None) -> Value:
    """Adds one instruction to the graph that is being traced, for functions that `operation` is put on.

    Formulas that follow each other become one when a network is planned.

    Args:
        instruction: Its name in the core: "mul", "exp", "select", ...
        operands: Values and numbers, which are broadcast as NumPy's arrays are.
        seed: Of "random", 30 bits of it: its numbers are then this seed's, whatever the model's; None follows
            that.

    Raises:
        ValueError: If their shapes do not fit.

    Example:
        >>> from cnnfast.layers.tracing import Tracing
        >>> graph = Tracing()
        >>> with graph.within():
        ...     formula("mul", graph.value(graph.input((3,), "x")), 2.0)
        <Value shape=(None, 3)>
    """
    graph = current_tracing()
    assert graph is not None
    if instruction == "random":
        graph.draws |= seed is None
        graph.draws_by_own_seed |= seed is not None
    numbers = (int, float, np.number)
    constants = [isinstance(each, numbers) and not isinstance(each, Weight) for each in operands]
    constants[0] = constants[0] and not all(constants)  # something has to have a shape
    given = [
        float(each) if is_constant else graph.as_value(each).number
        for each, is_constant in zip(operands, constants, strict=True)
    ]
    return graph.value(graph.formula(instruction, given, graph.named(instruction), seed))
