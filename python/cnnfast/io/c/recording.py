"""A model's graph as a list of what was added to it, for one sample."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from cnnfast._core import Graph
from cnnfast.layers.tracing import Tracing

# Of the graph's methods those that add no value that a prediction is made of.
_NO_NODES = {
    *("assign", "copy", "gradient", "inputs", "loss", "maker", "metric", "multiply_adds", "rows", "shape"),
    *("size", "updated_weight", "weights"),
}
_OF_TWO = ("gather", "gather_along", "matmul", "sample")  # values that are read
Shape = tuple[int, ...]


class Step(NamedTuple):
    """An operation that was added.

    Attributes:
        method: That of the graph.
        args: What it was called with.
        options: What it was called with by name.
        sources: The values that it reads.
        layer: The name of the layer that added it.
    """

    method: str
    args: tuple[Any, ...]
    options: dict[str, Any]
    sources: tuple[int, ...]
    layer: str


class Recording(Tracing):
    """A graph of the core that remembers what is added, by the values' numbers.

    Args:
        methods: Those of the graph that are recorded.
    """

    def __init__(self, methods: list[str]) -> None:
        super().__init__()
        self.steps: dict[int, Step] = {}
        for method in methods:
            setattr(self, method, self._recorded(method))

    def _recorded(self, method: str) -> Callable[..., int]:
        core = getattr(super(Tracing, self), method)

        def call(*args: Any, **options: Any) -> int:
            number: int = core(*args, **options)
            self.steps[number] = Step(method, args, options, _sources(method, args), self.scope)
            return number

        return call

    def whole(self, number: int) -> Shape:
        """Returns the shape of all of a value: its rows in front, one where all samples share it."""
        return (max(self.rows(number), 1), *self.shape(number))

    def sizes(self, number: int) -> Shape:
        """Returns the shape of all of a value, without rows where all samples share it."""
        rows = self.rows(number)
        return (rows, *self.shape(number)) if rows else self.shape(number)

    def count(self, number: int) -> int:
        """Returns how many numbers a value has."""
        return math.prod(self.whole(number))

    def lacks(self, number: int, what: str) -> NotImplementedError:
        """Returns the error that says what of a layer C files do not have."""
        return NotImplementedError(
            f"layer {self.steps[number].layer!r} cannot be written as C: {what} has no code there; export a "
            "model without it, or take io.save_onnx"
        )


def _sources(method: str, args: tuple[Any, ...]) -> tuple[int, ...]:
    if method in ("input", "weight", "constant"):
        return ()
    if method == "formula":
        return tuple(each for each in args[1] if isinstance(each, int))
    if method in _OF_TWO:
        return tuple(args[:2])
    return tuple(args[0]) if isinstance(args[0], (list, tuple)) else (args[0],)


def node_methods() -> list[str]:
    """Returns the graph's methods that name a node: all that a model can be made of.

    Example:
        >>> "conv" in node_methods()
        True
    """
    return [name for name in dir(Graph) if name not in _NO_NODES and name[0] != "_"]
