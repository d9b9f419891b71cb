"""Arithmetic, element by element."""

from __future__ import annotations

from typing import Any

from cnnfast.ops.operation import on_graph, operation


@operation("x1", "x2")
def add(x1: Any, x2: Any) -> Any:
    """Returns x1 + x2.

    Args:
        x1: Numbers, or what stands for them.
        x2: The same of the same shape.

    Example:
        >>> add([1.0, 2.0], [3.0, 4.0])
        array([4., 6.], dtype=float32)
    """
    graph, left, right = on_graph(x1, x2)
    return graph.value(graph.add([left.number, right.number], graph.named("add")))
