"""The layers that a configuration may name: these and no others, so that files run no foreign code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnnfast import layers
from cnnfast.utils.serialization import known_names, serialize

if TYPE_CHECKING:
    from cnnfast.layers.layer import Layer
    from cnnfast.utils.serialization import Config

_LAYERS: dict[str, type[Layer]] = {
    cls.__name__: cls
    for cls in (
        layers.Activation,
        layers.Add,
        layers.AveragePooling1D,
        layers.AveragePooling2D,
        layers.Conv1D,
        layers.Conv1DTranspose,
        layers.Conv2D,
        layers.Conv2DTranspose,
        layers.Conv3D,
        layers.Conv3DTranspose,
        layers.Dense,
        layers.DepthwiseConv1D,
        layers.DepthwiseConv2D,
        layers.Dropout,
        layers.Flatten,
        layers.InputLayer,
        layers.MaxPooling1D,
        layers.MaxPooling2D,
        layers.ReLU,
        layers.SeparableConv1D,
        layers.SeparableConv2D,
        layers.Softmax,
    )
}


def layer_to_config(layer: Layer) -> Config | None:
    """Returns `{"class_name": ..., "config": ...}`.

    Raises:
        ValueError: If the layer's class is not one of the package's.

    Example:
        >>> layer_to_config(layers.ReLU(name="r"))["class_name"]
        'ReLU'
    """
    if _LAYERS.get(type(layer).__name__) is not type(layer):
        raise ValueError(f"layer {layer.name!r} is of class {type(layer).__name__}, which files cannot hold")
    return serialize(layer)


def layer_from_config(entry: Any) -> Layer:
    """Makes the layer that `layer_to_config` described.

    Raises:
        ValueError: If the class is not known.

    Example:
        >>> layer_from_config({"class_name": "ReLU", "config": {"name": "r"}}).name
        'r'
    """
    name = entry["class_name"]
    if name not in _LAYERS:
        raise ValueError(f"unknown layer {name!r}; known are {known_names(_LAYERS)}")
    return _LAYERS[name].from_config(entry["config"])
