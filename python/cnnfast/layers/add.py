"""The sum of branches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from cnnfast.layers.calls import joined
from cnnfast.layers.layer import Layer

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from cnnfast._core import Graph, Weight
    from cnnfast.layers.layer import LayerOptions
    from cnnfast.layers.symbolic import SymbolicTensor


class Add(Layer):
    """The sum of several branches, element by element, as in residual networks.

    Args:
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        Two or more inputs of one shape; that shape.

    Raises:
        ValueError: If, when called, the shapes differ.

    Source:
        Keras 3, `keras.layers.Add`.

    Example:
        >>> from cnnfast.layers import Dense, Input
        >>> x = Input((4,))
        >>> Add()([x, Dense(4)(x)]).shape
        (None, 4)
    """

    joins: ClassVar[bool] = True

    def __init__(self, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)

    def _emit(self, graph: Graph, srcs: Sequence[int], weights: Sequence[Weight]) -> int:
        return graph.add(srcs, self.name)


def add(inputs: Sequence[SymbolicTensor], **options: Unpack[LayerOptions]) -> SymbolicTensor:
    """Returns the sum of several branches; short for `Add(...)(inputs)`.

    Args:
        inputs: What `Input` or layers returned, two or more of one shape.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Raises:
        ValueError: If the shapes differ.

    Example:
        >>> from cnnfast.layers import Dense, Input
        >>> x = Input((4,))
        >>> add([x, Dense(4)(x)]).shape
        (None, 4)
    """
    return joined(Add(**options), inputs)
