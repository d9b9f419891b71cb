"""A weight as a value of its own: for what a model learns beside its layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnnfast.layers.layer import Layer
from cnnfast.utils.arguments import whole_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typing_extensions import Unpack

    from cnnfast.layers.layer import LayerOptions
    from cnnfast.utils.serialization import Config


class Parameter(Layer):
    """Returns an array that is learnt, whatever it is called on: a class token, places' codes, factors.

    What it returns has no batch axis, and is broadcast where functions of `ops` and operators meet it with
    what has one.

    Args:
        shape: The array's shape; () for a single number.
        initializer: How it begins.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        Of any input; the output is of `shape`, without a batch axis.

    Raises:
        ValueError: If the shape is none.

    Source:
        PyTorch, `torch.nn.Parameter`.

    Example:
        >>> from cnnfast import Input
        >>> x = Input((16, 8))
        >>> (x + Parameter((16, 8), "random_normal")(x)).shape
        (None, 16, 8)
    """

    def __init__(
        self, shape: Sequence[int], initializer: Any = "zeros", **options: Unpack[LayerOptions]
    ) -> None:
        from cnnfast import initializers

        super().__init__(**options)
        self.shape = tuple(whole_number(size, "shape", 1) for size in shape)
        self.initializer = initializers.get(initializer)

    def build(self, input_shape: Any) -> None:
        """Makes the array."""
        self.parameter = self.add_weight(self.shape, self.initializer, name="weight")

    def call(self, inputs: Any) -> Any:
        """Returns the array."""
        return self.parameter.value

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer, without its weights."""
        from cnnfast import initializers
        from cnnfast.utils.serialization import described

        initializer = described(self.initializer, initializers.get)
        return {**super().get_config(), "shape": list(self.shape), "initializer": initializer}
