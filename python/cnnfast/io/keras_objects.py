"""What Keras's configurations describe, as objects of ours.

A configuration names a class of Keras's and its arguments. Only the classes of the same name here, and what
the caller gave by name, are ever made: no code of a file is run.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnfast.layers import Layer
from cnnfast.models.errors import ModelFileError
from cnnfast.utils.custom_objects import custom_object

if TYPE_CHECKING:
    from cnnfast.utils.serialization import Config

# By Keras's module; the oldest files do not tell it, and the first that has the class counts.
_FAMILIES = {
    "keras.initializers": "initializers",
    "keras.regularizers": "regularizers",
    "keras.constraints": "constraints",
    "keras.losses": "losses",
    "keras.metrics": "metrics",
    "keras.optimizers": "optimizers",
    "keras.optimizers.schedules": "schedules",
}
# Arguments that change no number here.
_WITHOUT_MEANING = ("dtype", "jit_compile", "is_legacy_optimizer", "ragged", "sparse", "optional")
# What every layer takes beside its own arguments.
_OF_LAYERS = ("name", "trainable", "activity_regularizer")


class UnknownClassError(ModelFileError):
    """A class that is neither here nor was given."""


def made(value: Any, family: str | None = None) -> Any:
    """Returns a value of a configuration, with objects where it describes some.

    Args:
        value: JSON's.
        family: Where a class is looked for first, if the file does not tell: "losses", "metrics", ...

    Raises:
        UnknownClassError: If there is no class of that name.
        ModelFileError: If it holds code, or an object refuses its arguments.

    Example:
        >>> made([{"module": "keras.regularizers", "class_name": "L2", "config": {"l2": 0.5}}])
        [L2(l2=0.5)]
    """
    if isinstance(value, list):
        return [made(each, family) for each in value]
    if not isinstance(value, dict):
        return value
    kind = value.get("class_name")
    if not isinstance(kind, str):
        return {name: made(each, family) for name, each in value.items()}
    if kind in _PLAIN:
        return _PLAIN[kind](value.get("config", {}))
    if kind == "function":
        return _function(value)
    return _object(kind, value, family)


def _refused(config: Any) -> Any:
    raise ModelFileError(
        "it holds code (a lambda), which is never run; make the model with a function of cnnfast.ops in its "
        "place, and load the weights with cnnfast.io.load_weights"
    )


_PLAIN: dict[str, Any] = {
    "__lambda__": _refused,
    "__tuple__": lambda config: tuple(made(list(config))),
    "__slice__": lambda config: slice(*(config.get(name) for name in ("start", "stop", "step"))),
    "__ellipsis__": lambda config: Ellipsis,
    "__numpy__": lambda config: np.asarray(config["value"]),
    "__tensor__": lambda config: np.asarray(config["value"]),
    "DTypePolicy": lambda config: None,  # all is computed in float32
}


def _function(entry: Config) -> Any:
    name = entry["config"]
    for known in (entry.get("registered_name"), name):
        if custom_object(known) is not None:
            return custom_object(known)
    return name


def _object(kind: str, entry: Config, family: str | None) -> Any:
    for known in (entry.get("registered_name"), kind):
        own = custom_object(known)
        if own is not None:
            return own.from_config(entry["config"]) if hasattr(own, "from_config") else own
    told = _FAMILIES.get(str(entry.get("module")), family)
    for each in [told] if told is not None else list(_FAMILIES.values()):
        place = import_module(f"cnnfast.{each}")
        cls = getattr(place, kind) if kind in place.__all__ else None
        if isinstance(cls, type):
            arguments = {name: made(value, each) for name, value in entry.get("config", {}).items()}
            return new(cls, arguments, kind)
    raise UnknownClassError(f"{kind!r} is nothing that cnnfast has; give what is your own as custom_objects")


def new(cls: type, arguments: Mapping[str, Any], what: str) -> Any:
    """Makes an object of arguments that Keras gave it.

    Arguments that only Keras knows are left out where they say nothing.

    Raises:
        ModelFileError: If the class refuses them; says of what.

    Example:
        >>> from cnnfast.initializers import GlorotUniform
        >>> new(GlorotUniform, {"seed": 3, "input_axes": None}, "x").seed
        3
    """
    known = set(inspect.signature(cls).parameters) | (set(_OF_LAYERS) if issubclass(cls, Layer) else set())
    kept = {
        name: value
        for name, value in arguments.items()
        if name not in _WITHOUT_MEANING and (name in known or value not in (None, False))
    }
    try:
        return cls(**kept)
    except (ValueError, TypeError) as error:
        raise ModelFileError(f"{what} cannot be made: {error}") from error
