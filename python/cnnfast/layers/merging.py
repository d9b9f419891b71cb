"""Branches joined element by element, besides the sum."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from cnnfast.layers.calls import joined
from cnnfast.layers.layer import Layer

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from cnnfast.layers.layer import LayerOptions
    from cnnfast.layers.symbolic import SymbolicTensor


class Merge(Layer):
    """Base of the layers that join branches by an operation on two.

    Branches with fewer axes get axes of one number each behind the batch's, as in Keras.

    Args:
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.
    """

    joins: ClassVar[bool] = True
    operation: ClassVar[str]  # in cnnfast.ops

    def __init__(self, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)

    def call(self, inputs: Any) -> Any:
        """Returns the joined branches."""
        from cnnfast import ops

        if len(inputs) < 2:
            raise ValueError(
                f"{self.name}: {type(self).__name__} needs at least two inputs, got {len(inputs)}"
            )
        rank = max(each.ndim for each in inputs)
        wide = [  # a reshape, and the user's order with it, only where axes are missing
            each if each.ndim == rank else ops.expand_dims(each, tuple(range(1, 1 + rank - each.ndim)))
            for each in inputs
        ]
        return functools.reduce(getattr(ops, self.operation), wide)


class Subtract(Merge):
    """The difference of two branches.

    Formula: in_0 - in_1

    Args:
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        Two inputs of one shape, or of shapes that NumPy broadcasts.

    Raises:
        ValueError: If, when called, the shapes do not suit, or there are not enough inputs.

    Source:
        Keras 3, `keras.layers.Subtract`.

    Example:
        >>> from cnnfast.layers import Dense, Input
        >>> x = Input((4,))
        >>> Subtract()([x, Dense(4)(x)]).shape
        (None, 4)
    """

    operation = "subtract"

    def call(self, inputs: Any) -> Any:
        """Returns the difference."""
        if len(inputs) != 2:
            raise ValueError(f"{self.name}: Subtract needs exactly two inputs, got {len(inputs)}")
        return super().call(inputs)


class Multiply(Merge):
    """The product of several branches.

    Formula: in_0 * in_1 * ...

    Args:
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        Two or more inputs of one shape, or of shapes that NumPy broadcasts.

    Raises:
        ValueError: If, when called, the shapes do not suit, or there are not enough inputs.

    Source:
        Keras 3, `keras.layers.Multiply`.

    Example:
        >>> from cnnfast.layers import Dense, Input
        >>> x = Input((4,))
        >>> Multiply()([x, Dense(4)(x)]).shape
        (None, 4)
    """

    operation = "multiply"


class Average(Merge):
    """The mean of several branches.

    Formula: (in_0 + ... + in_{k-1}) / k

    Args:
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        Two or more inputs of one shape, or of shapes that NumPy broadcasts.

    Raises:
        ValueError: If, when called, the shapes do not suit, or there are not enough inputs.

    Source:
        Keras 3, `keras.layers.Average`.

    Example:
        >>> from cnnfast.layers import Dense, Input
        >>> x = Input((4,))
        >>> Average()([x, Dense(4)(x)]).shape
        (None, 4)
    """

    operation = "add"

    def call(self, inputs: Any) -> Any:
        """Returns the mean."""
        return super().call(inputs) * (1 / len(inputs))


class Maximum(Merge):
    """The largest value of several branches.

    Formula: max(in_0, in_1, ...)

    Args:
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        Two or more inputs of one shape, or of shapes that NumPy broadcasts.

    Raises:
        ValueError: If, when called, the shapes do not suit, or there are not enough inputs.

    Source:
        Keras 3, `keras.layers.Maximum`.

    Example:
        >>> from cnnfast.layers import Dense, Input
        >>> x = Input((4,))
        >>> Maximum()([x, Dense(4)(x)]).shape
        (None, 4)
    """

    operation = "maximum"


class Minimum(Merge):
    """The smallest value of several branches.

    Formula: min(in_0, in_1, ...)

    Args:
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        Two or more inputs of one shape, or of shapes that NumPy broadcasts.

    Raises:
        ValueError: If, when called, the shapes do not suit, or there are not enough inputs.

    Source:
        Keras 3, `keras.layers.Minimum`.

    Example:
        >>> from cnnfast.layers import Dense, Input
        >>> x = Input((4,))
        >>> Minimum()([x, Dense(4)(x)]).shape
        (None, 4)
    """

    operation = "minimum"


def subtract(inputs: Sequence[SymbolicTensor], **options: Unpack[LayerOptions]) -> SymbolicTensor:
    """Returns `Subtract(...)(inputs)`.

    Args:
        inputs: What `Input` or layers returned.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Raises:
        ValueError: As `Subtract`.

    Example:
        >>> from cnnfast.layers import Input
        >>> subtract([Input((4,)), Input((4,))]).shape
        (None, 4)
    """
    return joined(Subtract(**options), inputs)


def multiply(inputs: Sequence[SymbolicTensor], **options: Unpack[LayerOptions]) -> SymbolicTensor:
    """Returns `Multiply(...)(inputs)`.

    Args:
        inputs: What `Input` or layers returned.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Raises:
        ValueError: As `Multiply`.

    Example:
        >>> from cnnfast.layers import Input
        >>> multiply([Input((4,)), Input((4,))]).shape
        (None, 4)
    """
    return joined(Multiply(**options), inputs)


def average(inputs: Sequence[SymbolicTensor], **options: Unpack[LayerOptions]) -> SymbolicTensor:
    """Returns `Average(...)(inputs)`.

    Args:
        inputs: What `Input` or layers returned.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Raises:
        ValueError: As `Average`.

    Example:
        >>> from cnnfast.layers import Input
        >>> average([Input((4,)), Input((4,))]).shape
        (None, 4)
    """
    return joined(Average(**options), inputs)


def maximum(inputs: Sequence[SymbolicTensor], **options: Unpack[LayerOptions]) -> SymbolicTensor:
    """Returns `Maximum(...)(inputs)`.

    Args:
        inputs: What `Input` or layers returned.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Raises:
        ValueError: As `Maximum`.

    Example:
        >>> from cnnfast.layers import Input
        >>> maximum([Input((4,)), Input((4,))]).shape
        (None, 4)
    """
    return joined(Maximum(**options), inputs)


def minimum(inputs: Sequence[SymbolicTensor], **options: Unpack[LayerOptions]) -> SymbolicTensor:
    """Returns `Minimum(...)(inputs)`.

    Args:
        inputs: What `Input` or layers returned.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Raises:
        ValueError: As `Minimum`.

    Example:
        >>> from cnnfast.layers import Input
        >>> minimum([Input((4,)), Input((4,))]).shape
        (None, 4)
    """
    return joined(Minimum(**options), inputs)
