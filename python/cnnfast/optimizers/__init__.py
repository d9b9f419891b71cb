"""Optimizers: how weights follow their gradients. The core runs them, fused over all weights at once."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cnnfast.optimizers.adadelta import Adadelta
from cnnfast.optimizers.adafactor import Adafactor
from cnnfast.optimizers.adagrad import Adagrad
from cnnfast.optimizers.adam import Adam
from cnnfast.optimizers.adamax import Adamax
from cnnfast.optimizers.adamw import AdamW
from cnnfast.optimizers.ftrl import Ftrl
from cnnfast.optimizers.lamb import Lamb
from cnnfast.optimizers.lion import Lion
from cnnfast.optimizers.muon import Muon
from cnnfast.optimizers.nadam import Nadam
from cnnfast.optimizers.optimizer import Optimizer
from cnnfast.optimizers.rmsprop import RMSprop
from cnnfast.optimizers.sgd import SGD
from cnnfast.utils.custom_objects import custom_object_scope
from cnnfast.utils.missing import missing
from cnnfast.utils.serialization import registry, resolve, serialize

if TYPE_CHECKING:
    from cnnfast import schedules

_REGISTRY: dict[str, type[Optimizer]] = registry(
    Adadelta,
    Adafactor,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    Ftrl,
    Lamb,
    Lion,
    Muon,
    Nadam,
    RMSprop,
    SGD,
    adamw=AdamW,
    rmsprop=RMSprop,
)


def get(identifier: Any) -> Optimizer:
    """Returns the optimizer that a name, a configuration or an object stands for.

    Example:
        >>> get("adam")
        Adam(learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-07)
    """
    return resolve(identifier, Optimizer, _REGISTRY, "optimizer")


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Optimizer:
    """Returns the optimizer that `serialize` described, with objects of your own by name.

    Example:
        >>> deserialize(serialize(SGD(0.5))).learning_rate
        0.5
    """
    with custom_object_scope(custom_objects):
        return get(config)


__all__ = [
    "SGD",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Ftrl",
    "Lamb",
    "Lion",
    "Muon",
    "Nadam",
    "Optimizer",
    "RMSprop",
    "deserialize",
    "get",
    "schedules",
    "serialize",
]

if not TYPE_CHECKING:  # a checker knows what there is

    def __getattr__(name):
        if name == "schedules":  # as in Keras; imported when first used
            return importlib.import_module("cnnfast.schedules")
        raise missing(__name__, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
