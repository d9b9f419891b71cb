"""Where a graph begins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnfast.layers.layer import Layer
from cnnfast.layers.symbolic import Call, SymbolicTensor
from cnnfast.utils.arguments import not_offered, open_shape, sample_shape, split_batch, whole_number

if TYPE_CHECKING:
    from cnnfast._core import Graph, Weight
    from cnnfast.layers.tracing import Tracing, Value
    from cnnfast.utils.serialization import Config


class InputLayer(Layer):
    """The beginning of a graph.

    Args:
        shape: Shape of one sample, such as (28, 28, 1); None for an axis that is not known in advance.
        batch_size: Samples in a batch, told in shapes; batches of other sizes will do, too.
        dtype: What numbers are given, such as "uint8"; float32 is made of them, which holds whole numbers up
            to 2^24.
        sparse, ragged, input_tensor, optional: Keras's arguments, which must have their defaults.
        batch_shape: In place of `shape` and `batch_size`, with the batch axis first.
        name: Its name in the model; None makes one up.

    Source:
        Keras 3, `keras.layers.InputLayer`.

    Example:
        >>> InputLayer((28, 28, 1)).output.shape
        (None, 28, 28, 1)
    """

    def __init__(
        self,
        shape: Sequence[int | None] | None = None,
        batch_size: int | None = None,
        dtype: str | None = None,
        sparse: None = None,
        ragged: None = None,
        batch_shape: Sequence[int | None] | None = None,
        input_tensor: None = None,
        optional: bool = False,
        name: str | None = None,
    ) -> None:
        if batch_shape is not None:
            if shape is not None or batch_size is not None:
                raise ValueError(
                    f"Input takes batch_shape in place of shape and batch_size, got {batch_shape!r} and these"
                )
            batch_size, shape = split_batch(batch_shape, "batch_shape")
        known, self._examples = _examples(shape)
        _check_numbers(dtype)
        super().__init__(name=name)
        self.declared_shape = known
        self.batch_size = None if batch_size is None else whole_number(batch_size, "batch_size", 1)
        not_offered(
            "Input",
            sparse=(sparse or None, None),
            ragged=(ragged or None, None),
            input_tensor=(input_tensor, None),
            optional=(optional, False),
        )
        self._built = True

    @property
    def output(self) -> SymbolicTensor:
        """Where the graph begins."""
        symbol = self._symbol() if self._symbol is not None else None
        return self._note(SymbolicTensor.like(self._examples, Call(self))) if symbol is None else symbol

    @property
    def batch_shape(self) -> tuple[int | None, ...]:
        """The shape with the batch axis first."""
        return self.output.shape

    def _trace(self, graph: Tracing, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Value:
        return graph.value(self._emit(graph, (), ()))

    def _emit(self, graph: Graph, srcs: Sequence[int], weights: Sequence[Weight]) -> int:
        return graph.input(self._examples[0], self.name)

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer."""
        config: Config = {"shape": self.declared_shape, "name": self.name}
        return config if self.batch_size is None else {**config, "batch_size": self.batch_size}


def _check_numbers(dtype: Any) -> None:
    try:
        numbers = np.dtype(dtype or np.float32).kind in "biuf"
    except TypeError:
        numbers = False
    if not numbers:
        raise ValueError(f"dtype must be one of numbers, such as 'float32' or 'uint8', got {dtype!r}")


# What samples of unknown sizes may look like, by the number of axes that are not known: two examples, which
# most networks halve evenly, of no more numbers than the core allows for one sample.
_UNKNOWN = {1: (1024, 1280), 2: (256, 320), 3: (64, 96)}


def _examples(shape: Any) -> tuple[tuple[int | None, ...], tuple[tuple[int, ...], ...]]:
    """Returns the shape, and one or two examples of it."""
    axes = open_shape(shape)
    unknown = axes.count(None)
    if unknown == 0:
        return axes, (sample_shape(axes),)
    if unknown not in _UNKNOWN:
        raise ValueError(f"at most three axes of an input may be unknown, got {axes!r}")
    examples = tuple(
        sample_shape([size if axis is None else axis for axis in axes]) for size in _UNKNOWN[unknown]
    )
    return axes, examples


def Input(  # noqa: N802  # Keras's name
    shape: Sequence[int | None] | None = None,
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
        shape: Shape of one sample, such as (28, 28, 1); the batch axis is left out. None for an axis that is
            not known in advance.
        batch_size: Samples in a batch, told in shapes; batches of other sizes will do, too.
        dtype: What numbers are given, such as "uint8"; float32 is made of them, which holds whole numbers up
            to 2^24.
        sparse: Not offered.
        ragged: Not offered.
        batch_shape: In place of `shape` and `batch_size`, with the batch axis first.
        name: Name of the input; None makes one up.
        tensor: Not offered; must be None.
        optional: Not offered; must be False.

    Returns:
        A symbolic tensor.

    Raises:
        ValueError: If an axis is below 1, or more than three are None.

    Source:
        Keras 3, `keras.Input`.

    Example:
        >>> Input((28, 28, 1)).shape
        (None, 28, 28, 1)
    """
    return InputLayer(shape, batch_size, dtype, sparse, ragged, batch_shape, tensor, optional, name).output
