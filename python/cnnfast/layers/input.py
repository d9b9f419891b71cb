"""Where a graph begins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cnnfast.layers.layer import Layer
from cnnfast.layers.symbolic import SymbolicTensor
from cnnfast.utils.arguments import batch_shape as split_batch
from cnnfast.utils.arguments import not_offered, sample_shape

if TYPE_CHECKING:
    from cnnfast._core import Graph, Weight
    from cnnfast.utils.serialization import Config


class InputLayer(Layer):
    """The beginning of a graph.

    Args:
        shape: Shape of one sample, such as (28, 28, 1).
        batch_size: Not offered; any batch size will do.
        dtype: "float32" or None; samples of other numbers are converted.
        sparse, ragged, input_tensor, optional: Keras's arguments, which must have their defaults.
        batch_shape: In place of `shape`, with the batch axis, which must be None.
        name: Its name in the model; None makes one up.

    Source:
        Keras 3, `keras.layers.InputLayer`.

    Example:
        >>> InputLayer((28, 28, 1)).output.shape
        (None, 28, 28, 1)
    """

    def __init__(
        self,
        shape: Sequence[int] | None = None,
        batch_size: int | None = None,
        dtype: str | None = None,
        sparse: None = None,
        ragged: None = None,
        batch_shape: Sequence[int | None] | None = None,
        input_tensor: None = None,
        optional: bool = False,
        name: str | None = None,
    ) -> None:
        if batch_shape is not None and shape is None:
            batch_size, shape = split_batch(batch_shape, "batch_shape")
        super().__init__(name=name, dtype=dtype, input_shape=sample_shape(shape))
        not_offered(
            "Input",
            batch_size=(batch_size, None),
            sparse=(sparse or None, None),
            ragged=(ragged or None, None),
            input_tensor=(input_tensor, None),
            optional=(optional, False),
        )
        assert self.declared_shape is not None
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


def Input(  # noqa: N802  # Keras's name
    shape: Sequence[int] | None = None,
    batch_size: int | None = None,
    dtype: str | None = None,
    sparse: None = None,
    ragged: None = None,
    batch_shape: Sequence[int | None] | None = None,
    name: str | None = None,
    tensor: None = None,
    optional: bool = False,
) -> SymbolicTensor:
    """Begins a graph: what layers are called on to describe a `Model`.

    Args:
        shape: Shape of one sample, such as (28, 28, 1); the batch axis is left out.
        batch_size: Not offered; any batch size will do.
        dtype: "float32" or None; samples of other numbers are converted.
        sparse: Not offered.
        ragged: Not offered.
        batch_shape: In place of `shape`, with the batch axis, which must be None.
        name: Name of the input; None makes one up.
        tensor: Not offered; must be None.
        optional: Not offered; must be False.

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
    return InputLayer(shape, batch_size, dtype, sparse, ragged, batch_shape, tensor, optional, name).output
