"""Layers one after the other as one layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cnnfast.layers.layer import Layer

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

    from cnnfast.layers.layer import UnnamedOptions
    from cnnfast.utils.serialization import Config


class Pipeline(Layer):
    """Layers one after the other, such as steps of augmentation; each hears whether it is training.

    Args:
        layers: The layers, in order.
        name: Its name in the model; None makes one up.
        options: Arguments of every layer: `trainable`, `input_shape`.

    Shapes:
        Those of the first layer's input and the last layer's output.

    Raises:
        ValueError: If one of them is no layer.

    Source:
        Keras 3, `keras.layers.Pipeline`.

    Example:
        >>> from cnnfast.layers import CenterCrop, Rescaling
        >>> Pipeline([CenterCrop(2, 2), Rescaling(0.5)]).compute_output_shape((None, 4, 4, 3))
        (None, 2, 2, 3)
    """

    def __init__(
        self, layers: Sequence[Layer], name: str | None = None, **options: Unpack[UnnamedOptions]
    ) -> None:
        super().__init__(name=name, **options)
        for layer in layers:
            if not isinstance(layer, Layer):
                raise ValueError(f"a Pipeline is made of layers, got {layer!r}")
        self._pipeline = list(layers)

    @property
    def layers(self) -> list[Layer]:
        """The layers, in order."""
        return list(self._pipeline)

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Returns what the last layer makes; the layers hear of `training` without being told."""
        for layer in self._pipeline:
            inputs = layer(inputs)
        return inputs

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer, without its weights."""
        from cnnfast.models.registry import layer_to_config

        return {**super().get_config(), "layers": [layer_to_config(layer) for layer in self._pipeline]}

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """Makes the layer that `config` describes, with new weights."""
        from cnnfast.models.registry import layer_from_config

        if not isinstance(config.get("layers"), list):
            raise ValueError(f"the configuration of a Pipeline lists its layers, got {config!r}")
        return cls(**{**config, "layers": [layer_from_config(entry) for entry in config["layers"]]})
