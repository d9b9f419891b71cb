"""Branches side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from cnnfast.layers.calls import joined
from cnnfast.layers.layer import Layer
from cnnfast.utils.arguments import sample_axis, whole_number

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from cnnfast._core import Graph, Weight
    from cnnfast.layers.layer import LayerOptions
    from cnnfast.layers.symbolic import SymbolicTensor
    from cnnfast.utils.serialization import Config


class Concatenate(Layer):
    """Several branches side by side along one axis, as in U-Nets and DenseNets.

    Args:
        axis: The axis; the batch's is 0, and -1 is the last one, that of the channels in channels_last.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        Two or more inputs of one shape except along the axis, whose sizes add up.

    Raises:
        ValueError: If, when called, the shapes do not suit, or there is no such axis.

    Source:
        Keras 3, `keras.layers.Concatenate`.

    Example:
        >>> from cnnfast.layers import Dense, Input
        >>> x = Input((4,))
        >>> Concatenate()([x, Dense(3)(x)]).shape
        (None, 7)
    """

    joins: ClassVar[bool] = True

    def __init__(self, axis: int = -1, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.axis = whole_number(axis, "axis", -5)

    def _emit(self, graph: Graph, srcs: Sequence[int], weights: Sequence[Weight]) -> int:
        axis = sample_axis(self.axis, len(graph.shape(srcs[0])), self.name)
        return graph.concatenate(srcs, axis, self.name)

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer."""
        return {**super().get_config(), "axis": self.axis}


def concatenate(
    inputs: Sequence[SymbolicTensor], axis: int = -1, **options: Unpack[LayerOptions]
) -> SymbolicTensor:
    """Returns several branches side by side; short for `Concatenate(axis, ...)(inputs)`.

    Args:
        inputs: What `Input` or layers returned, two or more.
        axis: As for `Concatenate`.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Raises:
        ValueError: If the shapes do not suit, or there is no such axis.

    Example:
        >>> from cnnfast.layers import Input
        >>> concatenate([Input((4, 4, 3)), Input((4, 4, 5))]).shape
        (None, 4, 4, 8)
    """
    return joined(Concatenate(axis, **options), inputs)
