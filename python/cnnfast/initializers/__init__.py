"""How weights begin. Formulas, defaults and fans are Keras's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnnfast.initializers.constant import Constant, Ones, Zeros
from cnnfast.initializers.initializer import Initializer
from cnnfast.initializers.random import RandomNormal, RandomUniform, TruncatedNormal
from cnnfast.initializers.scaled import (
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LecunNormal,
    LecunUniform,
)
from cnnfast.utils.missing import missing
from cnnfast.utils.serialization import registry, resolve

_REGISTRY: dict[str, type[Initializer]] = registry(
    Constant,
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LecunNormal,
    LecunUniform,
    Ones,
    RandomNormal,
    RandomUniform,
    TruncatedNormal,
    Zeros,
    normal=RandomNormal,
    one=Ones,
    uniform=RandomUniform,
    zero=Zeros,
)


def get(identifier: Any) -> Initializer:
    """Returns the initializer that a name, a configuration or an object stands for.

    Example:
        >>> get("he_normal")
        HeNormal(seed=None)
    """
    return resolve(identifier, Initializer, _REGISTRY, "initializer")


__all__ = [
    "Constant",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Initializer",
    "LecunNormal",
    "LecunUniform",
    "Ones",
    "RandomNormal",
    "RandomUniform",
    "TruncatedNormal",
    "Zeros",
    "get",
]

if not TYPE_CHECKING:  # a checker knows what there is

    def __getattr__(name):
        raise missing(__name__, name)
