"""Configurations as plain data: what `get_config` returns, what `from_config` and string names resolve to."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, TypeVar

from cnnfast.utils.missing import advice

if TYPE_CHECKING:
    from typing_extensions import Self

Config = dict[str, Any]


@dataclass(frozen=True)
class Configured:
    """Base of small immutable objects that their arguments describe completely."""

    def get_config(self) -> Config:
        """Returns the arguments that make an equal object."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """Makes the object that `config` describes."""
        return cls(**config)


T = TypeVar("T")


def snake_case(name: str) -> str:
    """Returns a class's name the way Keras writes it in lower case.

    Example:
        >>> snake_case("MaxPooling2D"), snake_case("HeNormal")
        ('max_pooling2d', 'he_normal')
    """
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def known_names(names: Iterable[str]) -> str:
    """Returns names as a list for an error message.

    Example:
        >>> known_names(["relu", "tanh"])
        "'relu', 'tanh'"
    """
    return ", ".join(map(repr, names))


def registry(*classes: type[T], **aliases: type[T]) -> dict[str, type[T]]:
    """Returns the classes by their own name, their name in lower case, and by alias.

    Example:
        >>> sorted(registry(int, one=int))
        ['int', 'one']
    """
    named = {name: cls for cls in classes for name in (cls.__name__, snake_case(cls.__name__))}
    return {**named, **aliases}


def serialize(value: Any) -> Config | None:
    """Returns `{"class_name": ..., "config": ...}`, or None for None.

    Raises:
        ValueError: If it is a function or another object that has no configuration.

    Example:
        >>> from cnnfast.regularizers import L2
        >>> serialize(L2(0.5))
        {'class_name': 'L2', 'config': {'l2': 0.5}}
    """
    if value is None:
        return None
    if not hasattr(value, "get_config"):
        raise ValueError(f"{value!r} has no get_config, and so no configuration")
    return {"class_name": type(value).__name__, "config": value.get_config()}


def described(value: Any, make: Callable[[Any], Any]) -> Config | None:
    """Returns what `serialize` does, if `make` makes an object of the same class of it.

    Raises:
        ValueError: If it does not: classes and functions of the user's own are code, which no configuration
            holds.

    Example:
        >>> from cnnfast import regularizers
        >>> described(regularizers.L2(0.5), regularizers.get)
        {'class_name': 'L2', 'config': {'l2': 0.5}}
    """
    if value is None:
        return None
    try:
        config = serialize(value)
        if type(make(config)) is type(value):
            return config
    except ValueError:  # no configuration, or one of an unknown class
        pass
    raise ValueError(f"{value!r} is code of your own, which no configuration and no file holds")


def resolve(identifier: Any, family: type[T], known: Mapping[str, type[T]], what: str) -> T:
    """Returns the object that a name, a configuration, a class or the object itself stands for.

    Only classes listed in `known` are ever made, so a configuration from a file runs no foreign code.

    Raises:
        ValueError: If `identifier` is none of these, or its name is not known.

    Example:
        >>> from cnnfast import regularizers
        >>> regularizers.get("l2")
        L2(l2=0.01)
    """
    if isinstance(identifier, family):
        return identifier
    if isinstance(identifier, type) and issubclass(identifier, family):
        return identifier()
    config: Config = {}
    name = identifier
    if isinstance(identifier, Mapping):
        name, config = identifier.get("class_name"), identifier.get("config", {})
    if not isinstance(name, str):
        raise ValueError(f"{what} must be a name, a configuration or a {family.__name__}, got {identifier!r}")
    if name not in known:
        names = [each for each in known if each.islower()]
        near = advice(family.__module__.split(".")[1], name, names)
        raise ValueError(f"unknown {what} {name!r}; known are {known_names(names)}{near}")
    if not isinstance(config, dict):
        raise ValueError(f"the configuration of {what} {name!r} must be a dict, got {config!r}")
    return known[name](**config)
