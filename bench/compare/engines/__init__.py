"""One module an engine family; `make` imports only the one that is asked for, so that no engine sees another.

An engine binds a network, its weights and one batch, and hands back a call without arguments: everything
that the call does is timed, nothing else. A prediction returns the logits as a NumPy array, a training step
the loss.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Literal, NamedTuple, Protocol, cast

from bench.compare import networks
from bench.compare.networks import Network
from bench.compare.workloads import Task, Workload
from numpy.typing import NDArray

Precision = Literal["exact", "default", "fast"]


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
        """A call that makes one step of the network's optimizer on (x, y) and returns the loss before it."""


class _Entry(NamedTuple):
    package: str
    module: str
    options: dict[str, Any]
    tasks: tuple[Task, ...]
    precision: Precision = "exact"  # what it is held to: "default" allows Winograd
    most_samples: int = sys.maxsize
    branches: bool = False  # whether it takes networks that are no chains


_NETWORKS: tuple[Task, ...] = ("predict", "train")
_INFERENCE: tuple[Task, ...] = ("predict", "forward")
_BACKWARD: tuple[Task, ...] = ("backward_data", "backward_weights")

_ALL = {
    "cnnfast": _Entry(
        "cnnfast", "with_cnnfast", {}, (*_NETWORKS, "forward", *_BACKWARD), "default", branches=True
    ),
    "cnnfast-exact": _Entry("cnnfast", "with_cnnfast", {"precision": "exact"}, ("forward",)),
    "cnnfast-fast": _Entry("cnnfast", "with_cnnfast", {"precision": "fast"}, ("forward",), "fast"),
    "torch": _Entry("torch", "with_torch", {}, (*_NETWORKS, "forward", *_BACKWARD), branches=True),
    "torch-channels-last": _Entry(
        "torch", "with_torch", {"channels_last": True}, (*_NETWORKS, "forward", *_BACKWARD), branches=True
    ),
    # Its backward convolutions are those of the other two.
    "torch-compile": _Entry(
        "torch", "with_torch", {"compiled": True}, (*_NETWORKS, "forward"), branches=True
    ),
    "keras-tf": _Entry("tensorflow", "with_keras", {"jit": False}, _NETWORKS),
    "keras-tf-jit": _Entry("tensorflow", "with_keras", {"jit": True}, _NETWORKS),
    "jax": _Entry("jax", "with_jax", {}, ("train",)),
    "onnxruntime": _Entry("onnxruntime", "with_onnxruntime", {}, _INFERENCE),
    "openvino": _Entry("openvino", "with_openvino", {}, _INFERENCE),
    "openvino-bf16": _Entry("openvino", "with_openvino", {"precision": "bf16"}, ("forward",), "fast"),
    "mnn": _Entry("MNN", "with_mnn", {}, _INFERENCE, "default"),
    # Its networks know no batch axis.
    "ncnn": _Entry("ncnn", "with_ncnn", {}, _INFERENCE, "default", most_samples=1),
}


def names() -> list[str]:
    """Every engine known, installed or not."""
    return list(_ALL)


def installed() -> list[str]:
    """The engines whose package this interpreter finds."""
    return [name for name, entry in _ALL.items() if find_spec(entry.package) is not None]


def can(name: str, workload: Workload) -> bool:
    """Whether the engine does this at all."""
    entry = _ALL[name]
    takes = entry.branches or workload.network not in networks.BRANCHED
    return takes and workload.task in entry.tasks and workload.batch <= entry.most_samples


def precision(name: str) -> Precision:
    """The class of precision that the engine's results are held to."""
    return _ALL[name].precision


def make(name: str, threads: int) -> Engine:
    """Imports the engine's library and sets its threads."""
    factory = import_module(f"bench.compare.engines.{_ALL[name].module}").make
    return cast(Engine, factory(threads=threads, **_ALL[name].options))
