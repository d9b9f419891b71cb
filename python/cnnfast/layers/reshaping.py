"""The same numbers in other shapes and orders."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from cnnfast.layers.layer import Layer
from cnnfast.utils.arguments import entries, whole_number

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from cnnfast._core import Graph, Weight
    from cnnfast.layers.layer import LayerOptions
    from cnnfast.utils.serialization import Config


class Reshape(Layer):
    """The numbers of each sample in another shape, in the order in which they are handed in.

    Args:
        target_shape: Shape of one sample; one entry may be -1 and follows from the others.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        (n, ...) -> (n, *target_shape)

    Raises:
        ValueError: If the shape is none, or, when called, the numbers are not as many.

    Source:
        Keras 3, `keras.layers.Reshape`.

    Example:
        >>> Reshape((4, -1)).compute_output_shape((None, 2, 6))
        (None, 4, 3)
    """

    def __init__(self, target_shape: Sequence[int], **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        each = entries(target_shape)
        if each is None:
            raise ValueError(f"target_shape must be a tuple of whole numbers, got {target_shape!r}")
        self.target_shape = tuple(whole_number(size, "target_shape", -1) for size in each)
        if self.target_shape.count(-1) > 1 or 0 in self.target_shape:
            raise ValueError(f"target_shape may have one -1 and no 0, got {target_shape!r}")

    def _emit(self, graph: Graph, srcs: Sequence[int], weights: Sequence[Weight]) -> int:
        shape, target = graph.shape(srcs[0]), self.target_shape
        known = math.prod(size for size in target if size > 0)
        if -1 in target and math.prod(shape) % known == 0:
            target = tuple(math.prod(shape) // known if size < 0 else size for size in target)
        if math.prod(shape) != math.prod(target):
            raise ValueError(
                f"{self.name}: samples of shape {shape} have {math.prod(shape)} numbers and cannot become "
                f"{self.target_shape}"
            )
        return graph.reshape(srcs[0], target, graph.rows(srcs[0]), self.name)

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer."""
        return {**super().get_config(), "target_shape": self.target_shape}


class Permute(Layer):
    """The axes of each sample in another order.

    Args:
        dims: For each axis of the output, which axis of the input it is, counted from 1.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        (n, a, b) with dims (2, 1) -> (n, b, a); likewise for more axes.

    Raises:
        ValueError: If `dims` is no order of all axes.

    Source:
        Keras 3, `keras.layers.Permute`.

    Example:
        >>> Permute((2, 3, 1)).compute_output_shape((None, 3, 32, 16))
        (None, 32, 16, 3)
    """

    def __init__(self, dims: Sequence[int], **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.dims = tuple(whole_number(axis, "dims", 1) for axis in entries(dims) or ())
        if not self.dims or sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise ValueError(f"dims must have each of 1, 2, ... once, got {dims!r}")

    def _emit(self, graph: Graph, srcs: Sequence[int], weights: Sequence[Weight]) -> int:
        return graph.permute(srcs[0], [axis - 1 for axis in self.dims], self.name)

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer."""
        return {**super().get_config(), "dims": self.dims}


class RepeatVector(Layer):
    """Each vector several times, as a sequence.

    Args:
        n: How many times, at least 1.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        (n, features) -> (n, times, features)

    Raises:
        ValueError: If `n` is out of its range, or, when called, samples are no vectors.

    Source:
        Keras 3, `keras.layers.RepeatVector`.

    Example:
        >>> RepeatVector(3).compute_output_shape((None, 32))
        (None, 3, 32)
    """

    def __init__(self, n: int, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.n = whole_number(n, "n", 1)

    def _emit(self, graph: Graph, srcs: Sequence[int], weights: Sequence[Weight]) -> int:
        shape = graph.shape(srcs[0])
        if len(shape) != 1:
            raise ValueError(f"{self.name}: RepeatVector takes vectors, got samples of shape {shape}")
        row = graph.reshape(srcs[0], (1, *shape), graph.rows(srcs[0]), f"{self.name}/row")
        return graph.tile(row, [self.n, 1], self.name)

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer."""
        return {**super().get_config(), "n": self.n}
