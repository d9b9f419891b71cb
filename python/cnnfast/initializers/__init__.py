"""How weights begin. Formulas, defaults and fans are Keras's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
from cnnfast.utils.custom_objects import custom_object_scope
from cnnfast.utils.missing import missing
from cnnfast.utils.serialization import registry, resolve, serialize

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

# Keras's other names
IdentityInitializer, OrthogonalInitializer = Identity, Orthogonal
constant, identity, ones, orthogonal, zeros = Constant, Identity, Ones, Orthogonal, Zeros
glorot_normal, glorot_uniform = GlorotNormal, GlorotUniform
he_normal, he_uniform = HeNormal, HeUniform
lecun_normal, lecun_uniform = LecunNormal, LecunUniform
random_normal, random_uniform, truncated_normal = RandomNormal, RandomUniform, TruncatedNormal
variance_scaling = VarianceScaling


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


def deserialize(
    config: Any, custom_objects: Mapping[str, Any] | None = None
) -> Initializer | Callable[..., Any]:
    """Returns the initializer that `serialize` described, with objects of your own by name.

    Example:
        >>> deserialize(serialize(get("zeros")))
        Zeros()
    """
    with custom_object_scope(custom_objects):
        return get(config)


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
    "constant",
    "deserialize",
    "get",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "identity",
    "lecun_normal",
    "lecun_uniform",
    "ones",
    "orthogonal",
    "random_normal",
    "random_uniform",
    "serialize",
    "truncated_normal",
    "variance_scaling",
    "zeros",
]

if not TYPE_CHECKING:  # a checker knows what there is

    def __getattr__(name):
        raise missing(__name__, name)
