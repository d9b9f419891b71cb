"""One module an engine family; `make` imports only the one that is asked for, so that no engine sees another.

An engine binds a network, its weights and one batch, and hands back a call without arguments: everything
that the call does is timed, nothing else. A prediction returns the logits as a NumPy array, a training step
the loss.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Protocol, cast

from bench.compare.networks import Network, Task
from numpy.typing import NDArray


class Engine(Protocol):
    """What bench/compare asks of a library."""

    def versions(self) -> dict[str, str]:
        """The library's version and what else tells how it was built."""

    def predictor(
        self, network: Network, weights: list[NDArray[Any]], x: NDArray[Any]
    ) -> Callable[[], NDArray[Any]]:
        """A call that computes the logits of `x`."""

    def trainer(
        self, network: Network, weights: list[NDArray[Any]], x: NDArray[Any], y: NDArray[Any]
    ) -> Callable[[], float]:
        """A call that makes one Adam step on (x, y) and returns the loss before it."""


# Name: the package it needs, our module, how the engine is configured, the tasks it can do.
_ALL: dict[str, tuple[str, str, dict[str, Any], tuple[Task, ...]]] = {
    "cnnfast": ("cnnfast", "with_cnnfast", {}, ("predict", "train")),
    "torch": ("torch", "with_torch", {}, ("predict", "train")),
    "torch-channels-last": ("torch", "with_torch", {"channels_last": True}, ("predict", "train")),
    "torch-compile": ("torch", "with_torch", {"compiled": True}, ("predict", "train")),
    "keras-tf": ("tensorflow", "with_keras", {"jit": False}, ("predict", "train")),
    "keras-tf-jit": ("tensorflow", "with_keras", {"jit": True}, ("predict", "train")),
    "onnxruntime": ("onnxruntime", "with_onnxruntime", {}, ("predict",)),
}


def names() -> list[str]:
    """Every engine known, installed or not."""
    return list(_ALL)


def installed() -> list[str]:
    """The engines whose package this interpreter finds."""
    return [name for name, (package, *_) in _ALL.items() if find_spec(package) is not None]


def can(name: str, task: Task) -> bool:
    """Whether the engine does this task at all."""
    return task in _ALL[name][3]


def make(name: str, threads: int) -> Engine:
    """Imports the engine's library and sets its threads."""
    _, module, options, _ = _ALL[name]
    factory = import_module(f"bench.compare.engines.{module}").make
    return cast(Engine, factory(threads=threads, **options))
