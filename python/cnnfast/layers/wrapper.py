"""Layers around a layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnnfast.layers.layer import Layer

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

    from cnnfast.layers.layer import LayerOptions
    from cnnfast.utils.serialization import Config


class Wrapper(Layer):
    """Base of layers that change what one layer does; they define `call`.

    Args:
        layer: The layer.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Raises:
        ValueError: If it is no layer.

    Source:
        Keras 3, `keras.layers.Wrapper`.

    Example:
        >>> import numpy as np
        >>> from cnnfast.layers import ReLU
        >>> class Twice(Wrapper):
        ...     def call(self, inputs):
        ...         return 2.0 * self.layer(inputs)
        >>> Twice(ReLU())(np.array([[-1.0, 3.0]]))
        array([[0., 6.]], dtype=float32)
    """

    def __init__(self, layer: Layer, **options: Unpack[LayerOptions]) -> None:
        if not isinstance(layer, Layer):
            raise ValueError(f"{type(self).__name__} takes a layer, got {layer!r}")
        super().__init__(**options)
        self.layer = layer

    def build(self, input_shape: Any) -> None:
        """Makes the layer's weights."""
        self.layer.build(input_shape)

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer."""
        from cnnfast.models.registry import layer_to_config

        return {**super().get_config(), "layer": layer_to_config(self.layer)}

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """Makes the layer that `config` describes, with new weights."""
        from cnnfast.models.registry import layer_from_config

        return cls(**{**config, "layer": layer_from_config(config["layer"])})
