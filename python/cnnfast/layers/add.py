"""The sum of branches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cnnfast.layers.calls import joined
from cnnfast.layers.merging import Merge

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from cnnfast.layers.layer import LayerOptions
    from cnnfast.layers.symbolic import SymbolicTensor


class Add(Merge):
    """The sum of several branches, element by element, as in residual networks.

    Args:
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        Two or more inputs of one shape, or of shapes that NumPy broadcasts.

    Raises:
        ValueError: If, when called, the shapes do not suit, or there are not enough inputs.

    Source:
        Keras 3, `keras.layers.Add`.

    Example:
        >>> from cnnfast.layers import Dense, Input
        >>> x = Input((4,))
        >>> Add()([x, Dense(4)(x)]).shape
        (None, 4)
    """

    operation = "add"

    def call(self, inputs: Any) -> Any:
        """Returns the sum; of one shape in one step, which convolutions can end with."""
        if len({(each.rows, each.dims) for each in inputs}) > 1 or len(inputs) < 2:
            return super().call(inputs)
        graph = inputs[0].graph
        return graph.value(graph.add([each.number for each in inputs], self.name))


def add(inputs: Sequence[SymbolicTensor], **options: Unpack[LayerOptions]) -> SymbolicTensor:
    """Returns the sum of several branches; short for `Add(...)(inputs)`.

    Args:
        inputs: What `Input` or layers returned, two or more.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Raises:
        ValueError: As `Add`.

    Example:
        >>> from cnnfast.layers import Dense, Input
        >>> x = Input((4,))
        >>> add([x, Dense(4)(x)]).shape
        (None, 4)
    """
    return joined(Add(**options), inputs)
