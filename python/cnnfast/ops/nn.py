"""Keras's module of the words about layers: `cnnfast.ops`, their home, under another name."""

from typing import Any

from cnnfast import ops


def __getattr__(name: str) -> Any:
    return getattr(ops, name)


def __dir__() -> list[str]:
    return dir(ops)
