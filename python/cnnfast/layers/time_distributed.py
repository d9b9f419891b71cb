"""One layer for every step of a sequence."""

from __future__ import annotations

from typing import Any

from cnnfast.layers.wrapper import Wrapper


class TimeDistributed(Wrapper):
    """A layer applied to each step of a sequence, all steps with the same weights.

    Args:
        layer: The layer, which takes one input.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        (n, steps, ...) -> (n, steps, ...), where the layer makes the last of (n * steps, ...).

    Raises:
        ValueError: If it is no layer, or, when called, samples are no sequences of what it takes.

    Source:
        Keras 3, `keras.layers.TimeDistributed`.

    Example:
        >>> from cnnfast.layers import Conv2D
        >>> TimeDistributed(Conv2D(16, 3)).compute_output_shape((None, 10, 8, 8, 3))
        (None, 10, 6, 6, 16)
    """

    def build(self, input_shape: Any) -> None:
        """Makes the layer's weights."""
        self.layer.build((input_shape[0], *input_shape[2:]))

    def call(self, inputs: Any, **told: Any) -> Any:
        """Returns the layer's outputs, in the order of the steps; `training` the graph tells the layer."""
        from cnnfast import ops

        _, steps, *dims = ops.shape(inputs)
        made = self.layer(ops.reshape(inputs, (-1, *dims)))
        return ops.reshape(made, (-1, steps, *ops.shape(made)[1:]))
