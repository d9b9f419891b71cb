"""Classes and functions of one's own that files may name: those that were given, no others.

A file holds their names. Whoever loads it gives the objects, as `custom_objects`, in a scope, or by having
registered them; what a file names is never looked for anywhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

T = TypeVar("T")

_registered: dict[str, Any] = {}
_given: ContextVar[dict[str, Any]] = ContextVar("objects given by name", default={})  # noqa: B039  # never changed


def register_keras_serializable(
    package: str = "Custom", name: str | None = None
) -> Callable[[type[T]], type[T]]:
    """Returns a decorator under whose name a class or function of one's own is saved and loaded.

    Args:
        package: What stands in front of the name, so that it is nobody else's.
        name: The name; None takes the object's.

    Raises:
        ValueError: If the name is taken by another object.

    Source:
        Keras 3, `keras.saving.register_keras_serializable`.

    Example:
        >>> @register_keras_serializable("doctest")
        ... def cubed(x):
        ...     return x**3
        >>> get_registered_name(cubed)
        'doctest>cubed'
    """

    def register(given: type[T]) -> type[T]:
        full = f"{package}>{given.__name__ if name is None else name}"
        known = _registered.get(full)
        if known is not None and known.__qualname__ != given.__qualname__:  # a module may be loaded again
            raise ValueError(f"{full!r} is registered already, for {known!r}")
        _registered[full] = given
        return given

    return register


@contextmanager
def custom_object_scope(custom_objects: Mapping[str, Any] | None) -> Iterator[None]:
    """Within it configurations may name these objects.

    Args:
        custom_objects: Classes and functions by name; None for none.

    Source:
        Keras 3, `keras.saving.custom_object_scope`.

    Example:
        >>> with custom_object_scope({"mine": abs}):
        ...     custom_object("mine")
        <built-in function abs>
    """
    token = _given.set({**_given.get(), **(custom_objects or {})})
    try:
        yield
    finally:
        _given.reset(token)


CustomObjectScope = custom_object_scope


def custom_object(name: Any) -> Any:
    """Returns the object that was given by this name; None if there is none.

    Example:
        >>> custom_object("nobody") is None
        True
    """
    if not isinstance(name, str):
        return None
    found = _given.get().get(name)
    return _registered.get(name) if found is None else found


def get_custom_objects() -> dict[str, Any]:
    """Returns what is registered, by name; what is put in is.

    Example:
        >>> "doctest>nobody" in get_custom_objects()
        False
    """
    return _registered


def get_registered_name(obj: Any) -> str:
    """Returns the name under which files know a class or function: its own, or that it is registered by.

    Example:
        >>> get_registered_name(int)
        'int'
    """
    name = next((name for name, each in _registered.items() if each is obj), None)
    return str(obj.__name__) if name is None else name


def get_registered_object(
    name: str,
    custom_objects: Mapping[str, Any] | None = None,
    module_objects: Mapping[str, Any] | None = None,
) -> Any:
    """Returns the object of a name.

    Args:
        name: The name.
        custom_objects: Objects to look among first.
        module_objects: Objects to look among last.

    Example:
        >>> get_registered_object("mine", {"mine": abs})
        <built-in function abs>
    """
    with custom_object_scope(custom_objects):
        found = custom_object(name)
    return (module_objects or {}).get(name) if found is None else found


def own_function(value: Any) -> Callable[..., Any] | None:
    """Returns the function of the user's that an object is, or is made of; None if there is none.

    Example:
        >>> own_function(3) is None
        True
    """
    is_function = callable(value) and hasattr(value, "__qualname__") and not isinstance(value, type)
    return value if is_function else getattr(value, "_own_function", None)


def written_name(function: Callable[..., Any]) -> str:
    """Returns the name by which files know a function of the user's own.

    Raises:
        ValueError: If it has none.

    Example:
        >>> written_name(abs)
        'abs'
    """
    name = get_registered_name(function)
    if "<" in name:
        raise ValueError(f"{function!r} is code of your own without a name, which no file holds")
    return name


def is_own(value: Any) -> bool:
    """Returns whether an object is of a class, or a function, that is not this package's.

    Example:
        >>> is_own(3), is_own(custom_object_scope)
        (True, False)
    """
    function = own_function(value)
    made_by = type(value) if function is None else function
    return not str(getattr(made_by, "__module__", "")).startswith("cnnfast.")
