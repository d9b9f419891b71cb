"""Where a graph begins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cnnfast.layers.layer import Layer
from cnnfast.layers.symbolic import SymbolicTensor
from cnnfast.utils.arguments import sample_shape

if TYPE_CHECKING:
    from cnnfast._core import Graph, Weight
    from cnnfast.utils.serialization import Config


class InputLayer(Layer):
    """The beginning of a graph.

    Args:
        shape: Shape of one sample, such as (28, 28, 1).
        name: Its name in the model; None makes one up.

    Source:
        Keras 3, `keras.layers.InputLayer`.

    Example:
        >>> InputLayer((28, 28, 1)).output.shape
        (None, 28, 28, 1)
    """

    def __init__(self, shape: Sequence[int | None], name: str | None = None) -> None:
        super().__init__(name=name, input_shape=sample_shape(shape))
        self._built_shape = self.declared_shape

    @property
    def output(self) -> SymbolicTensor:
        """Where the graph begins."""
        assert self.declared_shape is not None
        symbol = self._symbol() if self._symbol is not None else None
        return symbol or self._note(SymbolicTensor((None, *self.declared_shape), self, ()))

    def _emit(self, graph: Graph, srcs: Sequence[int], weights: Sequence[Weight]) -> int:
        assert self.declared_shape is not None
        return graph.input(self.declared_shape, self.name)

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer."""
        return {"shape": self.declared_shape, "name": self.name}


def Input(shape: Sequence[int | None], name: str | None = None) -> SymbolicTensor:  # noqa: N802  # Keras's name
    """Begins a graph: what layers are called on to describe a `Model`.

    Args:
        shape: Shape of one sample, such as (28, 28, 1); the batch axis is left out.
        name: Name of the input; None makes one up.

    Returns:
        A symbolic tensor.

    Raises:
        ValueError: If an axis is None or below 1.

    Source:
        Keras 3, `keras.Input`.

    Example:
        >>> Input((28, 28, 1)).shape
        (None, 28, 28, 1)
    """
    return InputLayer(shape, name).output
