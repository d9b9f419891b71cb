"""Sums of products of two branches."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from cnnfast.layers.calls import joined
from cnnfast.layers.layer import Layer
from cnnfast.utils.arguments import whole_number

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from cnnfast.layers.layer import LayerOptions
    from cnnfast.layers.symbolic import SymbolicTensor
    from cnnfast.layers.tracing import Value
    from cnnfast.utils.serialization import Config

_LEAST_LENGTH = 1e-6  # as in Keras


class Dot(Layer):
    """The sums, over an axis of each of two branches, of the products of their numbers, sample by sample.

    Args:
        axes: The axis of both, or a pair of axes; the batch's is 0.
        normalize: Whether vectors along these axes are brought to length 1 first: the sum is then the cosine
            of their angle.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        Two inputs, (n, ..., k, ...) each. The batch's axis, then those that are left of the first one, then
        of the second one; (n, 1) where none is left.

    Raises:
        ValueError: If, when called, there are not two inputs, or the axes do not suit.

    Source:
        Keras 3, `keras.layers.Dot`.

    Example:
        >>> import numpy as np
        >>> Dot(1)([np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]])])
        array([[11.]], dtype=float32)
    """

    joins: ClassVar[bool] = True

    def __init__(
        self, axes: int | Sequence[int], normalize: bool = False, **options: Unpack[LayerOptions]
    ) -> None:
        super().__init__(**options)
        pair = [axes, axes] if isinstance(axes, int) else list(axes)
        if len(pair) != 2:
            raise ValueError(f"axes must be one axis or a pair of them, got {axes!r}")
        self._pair = [whole_number(axis, "axes", -5) for axis in pair]
        self.axes = axes if isinstance(axes, int) else self._pair
        self.normalize = bool(normalize)

    def call(self, inputs: Any) -> Any:
        """Returns the sums."""
        from cnnfast import ops
        from cnnfast.ops.axes import own_axis, rearranged

        if len(inputs) != 2:
            raise ValueError(f"{self.name}: Dot needs exactly two inputs, got {len(inputs)}")
        kept: list[int] = []
        matrices: list[Value] = []
        for i, (x, axis) in enumerate(zip(inputs, self._pair, strict=True)):
            own = own_axis(x, axis)
            others = [each for each in range(len(x.dims)) if each != own]
            sizes = [x.dims[each] for each in others]
            rows = rearranged(x, [math.prod(sizes), x.dims[own]], [*others, own])
            if self.normalize:
                rows = ops.normalize(rows, epsilon=_LEAST_LENGTH)
            matrices.append(rows if i == 0 else rearranged(rows, rows.dims[::-1], [1, 0]))
            kept += sizes
        return rearranged(ops.matmul(*matrices), kept or [1])

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer."""
        return {**super().get_config(), "axes": self.axes, "normalize": self.normalize}


def dot(inputs: Sequence[SymbolicTensor], axes: int | Sequence[int] = -1, **options: Any) -> SymbolicTensor:
    """Returns `Dot(axes, ...)(inputs)`.

    Args:
        inputs: What `Input` or layers returned, two.
        axes: As for `Dot`.
        options: `normalize`, and arguments of every layer: `name`, `trainable`, `input_shape`.

    Raises:
        ValueError: As `Dot`.

    Example:
        >>> from cnnfast.layers import Input
        >>> dot([Input((4, 3)), Input((5, 3))]).shape
        (None, 4, 5)
    """
    return joined(Dot(axes, **options), inputs)
