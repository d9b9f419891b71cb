"""How weights begin. Formulas, defaults and fans are Keras's."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from cnnfast.initializers.constant import Constant, Identity, Ones, Zeros
from cnnfast.initializers.initializer import Initializer
from cnnfast.initializers.random import Orthogonal, RandomNormal, RandomUniform, TruncatedNormal
from cnnfast.initializers.scaled import (
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LecunNormal,
    LecunUniform,
    VarianceScaling,
)
from cnnfast.utils.missing import missing
from cnnfast.utils.serialization import registry, resolve

_REGISTRY: dict[str, type[Initializer]] = registry(
    Constant,
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    Identity,
    LecunNormal,
    LecunUniform,
    Ones,
    Orthogonal,
    RandomNormal,
    RandomUniform,
    TruncatedNormal,
    VarianceScaling,
    Zeros,
    IdentityInitializer=Identity,
    OrthogonalInitializer=Orthogonal,
    normal=RandomNormal,
    one=Ones,
    uniform=RandomUniform,
    zero=Zeros,
)

IdentityInitializer, OrthogonalInitializer = Identity, Orthogonal  # Keras's other names


def get(identifier: Any) -> Initializer | Callable[..., Any]:
    """Returns the initializer that a name, a configuration or an object stands for; a function is one.

    An array stands for `Constant` with these values.

    Example:
        >>> get("he_normal")
        HeNormal(seed=None, input_axes=None, output_axes=None)
    """
    if isinstance(identifier, np.ndarray):
        return Constant(identifier)
    if callable(identifier) and not isinstance(identifier, type):
        return cast("Callable[..., Any]", identifier)
    return resolve(identifier, Initializer, _REGISTRY, "initializer")


__all__ = [
    "Constant",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Identity",
    "IdentityInitializer",
    "Initializer",
    "LecunNormal",
    "LecunUniform",
    "Ones",
    "Orthogonal",
    "OrthogonalInitializer",
    "RandomNormal",
    "RandomUniform",
    "TruncatedNormal",
    "VarianceScaling",
    "Zeros",
    "get",
]

if not TYPE_CHECKING:  # a checker knows what there is

    def __getattr__(name):
        raise missing(__name__, name)
