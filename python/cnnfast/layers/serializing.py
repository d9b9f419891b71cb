"""Layers as plain data, by Keras's names for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnnfast.utils.arguments import not_offered

if TYPE_CHECKING:
    from cnnfast.layers.layer import Layer
    from cnnfast.utils.serialization import Config


def serialize(layer: Layer) -> Config | None:
    """Returns a layer's class and configuration, without its weights.

    Raises:
        ValueError: If its class is none of the package's.

    Example:
        >>> from cnnfast.layers import ReLU
        >>> serialize(ReLU())["class_name"]
        'ReLU'
    """
    from cnnfast.models.registry import layer_to_config

    return layer_to_config(layer)


def deserialize(config: Config, custom_objects: None = None) -> Layer:
    """Makes the layer that `serialize` described, with new weights.

    Args:
        config: What it returned.
        custom_objects: Not offered: configurations name the package's own classes only.

    Raises:
        ValueError: If the class is not known.

    Example:
        >>> from cnnfast.layers import Dropout
        >>> deserialize(serialize(Dropout(0.2))).rate
        0.2
    """
    from cnnfast.models.registry import layer_from_config

    not_offered("layers.deserialize", custom_objects=(custom_objects or None, None))
    return layer_from_config(config)
