"""Objects by their configurations whatever they are, and what stands for arrays, by Keras's names."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from cnnfast.utils.custom_objects import custom_object_scope
from cnnfast.utils.serialization import Config, UnknownNameError, serialize

# Some have a word of the same name; where a configuration does not tell the module, the first counts.
_FAMILIES = (
    "cnnfast.initializers",
    "cnnfast.regularizers",
    "cnnfast.constraints",
    "cnnfast.losses",
    "cnnfast.metrics",
    "cnnfast.schedules",
    "cnnfast.optimizers",
)


def is_keras_tensor(x: Any) -> bool:
    """Returns whether something stands for an array: what `Input` and layers called on it return.

    Source:
        Keras 3, `keras.utils.is_keras_tensor`.

    Example:
        >>> from cnnfast import Input
        >>> is_keras_tensor(Input((3,))), is_keras_tensor(3)
        (True, False)
    """
    from cnnfast.layers.symbolic import SymbolicTensor

    return isinstance(x, SymbolicTensor)


def serialize_keras_object(obj: Any) -> Config | None:
    """Returns the configuration of a layer, model, initializer, regularizer, loss, metric, optimizer, ...

    Raises:
        ValueError: If it has none.

    Source:
        Keras 3, `keras.saving.serialize_keras_object`.

    Example:
        >>> from cnnfast.regularizers import L2
        >>> serialize_keras_object(L2(0.5))
        {'module': 'cnnfast.regularizers', 'class_name': 'L2', 'config': {'l2': 0.5}}
    """
    from cnnfast.layers import Layer
    from cnnfast.models.registry import layer_to_config

    if isinstance(obj, Layer):
        return layer_to_config(obj)
    config = serialize(obj)
    families = {".".join(each.__module__.split(".")[:2]) for each in type(obj).__mro__} & set(_FAMILIES)
    return config if config is None or not families else {"module": families.pop(), **config}


def deserialize_keras_object(config: Config | None, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Returns the object that a configuration describes.

    Args:
        config: What `serialize_keras_object` returned.
        custom_objects: Classes and functions of your own, by name.

    Raises:
        ValueError: If no object has that name, or the configuration does not suit it.

    Source:
        Keras 3, `keras.saving.deserialize_keras_object`.

    Example:
        >>> deserialize_keras_object({"class_name": "L2", "config": {"l2": 0.5}})
        L2(l2=0.5)
    """
    from cnnfast.models.registry import layer_from_config

    if config is None:
        return None
    with custom_object_scope(custom_objects):
        told = config.get("module")
        for family in [told] if told in _FAMILIES else _FAMILIES:
            try:
                return import_module(family).deserialize(config)
            except UnknownNameError:
                continue
        return layer_from_config(config)
