"""The layers that a configuration may name: these, and those that the caller gave; files run no other code.

A layer that is in several places of a model, and of the models in it, is written where it comes first;
elsewhere stands its number, {"shared": 3}.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import TYPE_CHECKING, Any

from cnnfast import layers
from cnnfast.utils.custom_objects import custom_object
from cnnfast.utils.serialization import check_makes_itself, known_names, serialize

if TYPE_CHECKING:
    from cnnfast.layers.layer import Layer
    from cnnfast.utils.serialization import Config

# Those of the outermost model, numbered in the order in which they were done: layer to number while it is
# being written, number to layer while it is being read.
_done: ContextVar[dict[Any, Any] | None] = ContextVar("layers done", default=None)


@cache
def _classes() -> dict[str, type[Layer]]:
    from cnnfast.models.functional import Model
    from cnnfast.models.sequential import Sequential

    public = (getattr(layers, name) for name in layers.__all__)
    ours = {
        each.__name__: each for each in public if isinstance(each, type) and issubclass(each, layers.Layer)
    }
    del ours["Layer"]  # the base computes nothing
    return {**ours, "Model": Model, "Sequential": Sequential}


@contextmanager
def each_layer_once() -> Iterator[None]:
    """Within it layers that come again are told by their numbers; a model in a model goes on counting."""
    if _done.get() is not None:
        yield
        return
    token = _done.set({})
    try:
        yield
    finally:
        _done.reset(token)


def layer_to_config(layer: Layer) -> Config | None:
    """Returns `{"class_name": ..., "config": ...}`, or the number of a layer that was written before.

    Raises:
        ValueError: If the layer's class is the user's own, and could not be told by its name, or made anew.

    Example:
        >>> layer_to_config(layers.ReLU(name="r"))["class_name"]
        'ReLU'
    """
    done = _done.get()
    if done is not None and layer in done:
        return {"shared": done[layer]}
    entry = serialize(layer)
    assert entry is not None
    if _classes().get(type(layer).__name__) is not type(layer):
        _check_own(layer, entry)
    if done is not None:
        done[layer] = len(done)
    return entry


def _check_own(layer: Layer, entry: Config) -> None:
    if custom_object(entry["class_name"]) is None and entry["class_name"] in _classes():
        raise ValueError(
            f"layer {layer.name!r} is of a class of your own with the name of one of ours, "
            f"{entry['class_name']!r}; give it another one by cnnfast.saving.register_keras_serializable, or "
            "save the weights alone with save_weights"
        )
    check_makes_itself(layer, entry["config"])


def layer_from_config(entry: Any) -> Layer:
    """Makes the layer that `layer_to_config` described, or returns the one that has this number.

    Raises:
        ValueError: If the class or the number is not known.

    Example:
        >>> layer_from_config({"class_name": "ReLU", "config": {"name": "r"}}).name
        'r'
    """
    done = _done.get()
    if "shared" in entry:
        number = entry["shared"]
        if done is None or type(number) is not int or not 0 <= number < len(done):
            raise ValueError(f"there is no layer with the number {number!r} before this one")
        shared: Layer = done[number]
        return shared
    name = entry["class_name"]
    cls = custom_object(name) or _classes().get(name)
    if cls is None:
        raise ValueError(
            f"unknown layer {name!r}; known are {known_names(_classes())}; give layers of your own as "
            f"custom_objects={{{name!r}: ...}}"
        )
    layer: Layer = cls.from_config(entry["config"])
    if done is not None:
        done[len(done)] = layer
    return layer
