"""What layers of images have in common that take single images, too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnnfast.config import resolve_data_format
from cnnfast.layers.layer import Layer
from cnnfast.layers.symbolic import SymbolicTensor
from cnnfast.layers.tracing import Value
from cnnfast.utils.samples import as_array

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from cnnfast.layers.layer import LayerOptions
    from cnnfast.utils.serialization import Config


class ImageLayer(Layer):
    """Base of the layers that take batches of images, and arrays of one image.

    Args:
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.
    """

    def __init__(self, data_format: str | None, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.data_format = resolve_data_format(data_format)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """As `Layer.__call__`; an array of three axes is one image."""
        images = args[0] if args else kwargs.get("inputs")
        if images is None or isinstance(images, (Value, SymbolicTensor)):
            return super().__call__(*args, **kwargs)
        array = as_array(images, "images")
        rest = {name: value for name, value in kwargs.items() if name != "inputs"}
        if array.ndim != 3:
            return super().__call__(array, *args[1:], **rest)
        return super().__call__(array[None], *args[1:], **rest)[0]

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer."""
        return {**super().get_config(), "data_format": self.data_format}
