"""Configurations as plain data: what `get_config` returns, what `from_config` and string names resolve to."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from cnnfast.utils.custom_objects import custom_object, get_registered_name, is_own, own_function
from cnnfast.utils.missing import advice

if TYPE_CHECKING:
    from typing_extensions import Self

Config = dict[str, Any]


class Configured:
    """Base of small objects that their arguments describe completely, each kept under its own name."""

    def get_config(self) -> Config:
        """Returns the arguments that make an equal object."""
        kept = vars(self)
        return {name: kept[name] for name in inspect.signature(type(self)).parameters if name in kept}

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """Makes the object that `config` describes."""
        return cls(**config)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((type(self), *vars(self).values()))

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.get_config().items())
        return f"{type(self).__name__}({arguments})"


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
    function = own_function(value)
    if function is not None:
        return {"class_name": get_registered_name(function), "config": {}}
    if not hasattr(value, "get_config"):
        raise ValueError(f"{value!r} has no get_config, and so no configuration")
    return {"class_name": get_registered_name(type(value)), "config": value.get_config()}


def described(value: Any, make: Callable[[Any], Any]) -> Config | None:
    """Returns what `serialize` does, if an object of the same class can be made of it.

    Of what is the user's own it holds the name; whoever loads it gives the code.

    Raises:
        ValueError: If it cannot: a function has no name, a name is one of ours, or `get_config` is missing.

    Example:
        >>> from cnnfast import regularizers
        >>> described(regularizers.L2(0.5), regularizers.get)
        {'class_name': 'L2', 'config': {'l2': 0.5}}
    """
    if value is None:
        return None
    config = serialize(value)
    assert config is not None
    try:
        made = make(config)
    except UnknownNameError as error:  # whoever loads it gives what has that name
        if "<" in error.name:
            raise ValueError(f"{value!r} is code of your own without a name, which no file holds") from None
        if is_own(value):
            check_makes_itself(value, config["config"])
        return config
    if type(made) is type(value) and own_function(made) == own_function(value):
        return config
    raise ValueError(
        f"{value!r} is code of your own under a name that is known, {config['class_name']!r}; give it "
        "another one by cnnfast.saving.register_keras_serializable"
    )


class UnknownNameError(ValueError):
    """A configuration names what neither the package has nor the caller gave.

    Args:
        name: The name.
        message: What to tell.
    """

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


def check_makes_itself(value: Any, config: Config) -> None:
    """Refuses an object of the user's own whose configuration is not what its class takes.

    Example:
        >>> from cnnfast.regularizers import L2
        >>> check_makes_itself(L2(0.5), {"l2": 0.5})
    """
    if own_function(value) is not None:
        return
    try:
        type(value).from_config(config)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{type(value).__name__} is code of your own, and its get_config does not return the arguments "
            f"of its __init__ ({error}); define get_config"
        ) from error


def resolve(
    identifier: Any,
    family: type[T],
    known: Mapping[str, type[T]],
    what: str,
    wrap: Callable[[Any], T] | None = None,
) -> T:
    """Returns the object that a name, a configuration, a class or the object itself stands for.

    Only classes that are listed in `known`, or that the caller gave by name (`custom_objects`), are ever
    made, so a configuration from a file runs no other code. `wrap` makes an object of a function.

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
    own = custom_object(name)
    if own is not None and not isinstance(own, type):
        if isinstance(own, family):
            return own
        return own if wrap is None else wrap(own)
    if own is None and name not in known:
        names = [each for each in known if each.islower()]
        near = advice(family.__module__.split(".")[1], name, names)
        raise UnknownNameError(
            name,
            f"unknown {what} {name!r}; known are {known_names(names)}{near}; give what is your own by its "
            "name, as custom_objects",
        )
    if not isinstance(config, dict):
        raise ValueError(f"the configuration of {what} {name!r} must be a dict, got {config!r}")
    if own is None:
        return known[name](**config)
    made: T = own.from_config(config)  # type: ignore[attr-defined]
    return made
