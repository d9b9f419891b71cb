"""What the kernels must show on the machines they are made for, as data; kernels.py judges it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bench.compare.workloads import WORKLOADS, Task, Workload

TORCH = ("torch", "torch-channels-last")
FRAMEWORKS = (*TORCH, "torch-compile", "onnxruntime", "openvino")
WINOGRAD_PEERS = ("ncnn", "mnn")
TRAINERS = (*TORCH, "torch-compile", "keras-tf", "keras-tf-jit", "jax")

# What a bar is a multiple of: the fastest of some peers, or the measured peak of float32 or of bfloat16.
Yardstick = tuple[str, ...] | Literal["peak", "bfloat16 peak"]


@dataclass(frozen=True)
class Bar:
    """One line of the table: each of its workloads has to reach it, on 1 and on 2 threads."""

    what: str
    workloads: tuple[Workload, ...]
    over: Yardstick
    one_thread: float
    two_threads: float | None
    engine: str = "cnnfast"
    needs: str | None = None  # the instruction set without which the bar means nothing

    def bar(self, threads: int) -> float | None:
        """None where nothing is asked."""
        return self.one_thread if threads == 1 else self.two_threads

    @property
    def peers(self) -> tuple[str, ...]:
        """The engines that have to run beside ours."""
        return self.over if isinstance(self.over, tuple) else ()


def _layers(task: Task, *families: str, sizes: range = range(1, 1000)) -> tuple[Workload, ...]:
    return tuple(
        w
        for w in WORKLOADS
        if w.layer and w.task == task and w.layer.family in families and w.layer.size in sizes
    )


def _of_layers(
    what: str,
    workloads: tuple[Workload, ...],
    over: Yardstick,
    one: float,
    two: float,
    engine: str = "cnnfast",
    needs: str = "avx512f",
) -> Bar:
    return Bar(what, workloads, over, one, two, engine, needs)


_3X3 = _layers("forward", "3x3")
_1X1 = ("1x1", "1x1_s2")
BARS = (
    _of_layers(
        "3x3 stride 1, 28x28 and larger",
        _layers("forward", "3x3", sizes=range(28, 999)),
        FRAMEWORKS,
        2.6,
        2.6,
    ),
    _of_layers("3x3 stride 1, 14x14", _layers("forward", "3x3", sizes=range(14, 15)), FRAMEWORKS, 2.3, 2.3),
    _of_layers("3x3 stride 1, 7x7", _layers("forward", "3x3", sizes=range(7, 8)), FRAMEWORKS, 1.5, 1.5),
    _of_layers("3x3 stride 1", _3X3, WINOGRAD_PEERS, 1.05, 1.05),
    _of_layers("3x3 stride 1, exact class", _3X3, "peak", 0.93, 0.90, "cnnfast-exact"),
    _of_layers("1x1", _layers("forward", *_1X1), "peak", 0.93, 0.90),
    _of_layers("3x3 stride 2", _layers("forward", "3x3_s2"), "peak", 0.93, 0.90),
    _of_layers("stem, 3 input channels", _layers("forward", "stem"), "peak", 0.88, 0.85),
    _of_layers("depthwise 3x3", _layers("forward", "depthwise"), FRAMEWORKS, 1.2, 1.2),
    _of_layers("backward-data, 3x3 stride 1", _layers("backward_data", "3x3"), TORCH, 2.3, 2.3),
    _of_layers("backward-data, 1x1", _layers("backward_data", "1x1"), "peak", 0.93, 0.93),
    _of_layers("backward-weights, 3x3 stride 1", _layers("backward_weights", "3x3"), TORCH, 2.0, 2.0),
    _of_layers(
        "backward-weights, others", _layers("backward_weights", *_1X1, "3x3_s2", "stem"), "peak", 0.90, 0.90
    ),
    _of_layers(
        "bfloat16, direct and 1x1",
        _layers("forward", *_1X1, "3x3_s2"),
        "bfloat16 peak",
        0.90,
        0.85,
        "cnnfast-fast",
        "avx512_bf16",
    ),
    Bar("VGG-16, one image", (Workload("vgg16", "predict", 1),), FRAMEWORKS, 2.6, 2.4),
    Bar("VGG-16, one image", (Workload("vgg16", "predict", 1),), WINOGRAD_PEERS, 1.18, 1.15),
    Bar("training step, MNIST CNN", (Workload("mnist_cnn", "train", 128),), TRAINERS, 3.0, 3.0),
    Bar("training step, CIFAR CNN", (Workload("cifar_cnn", "train", 128),), TRAINERS, 2.2, 2.2),
    Bar("training step, MNIST MLP", (Workload("mnist_mlp", "train", 128),), TRAINERS, 1.2, 1.2),
    Bar("training step, VGG-16", (Workload("vgg16", "train", 4),), ("torch-channels-last",), 2.0, 2.0),
    Bar("MNIST CNN, one image", (Workload("mnist_cnn", "predict", 1),), ("onnxruntime",), 2.0, None),
)

# MNIST CNN and CIFAR CNN trained in the default and in the exact class, some seeds each.
ACCURACY_SEEDS = (0, 1, 2)
# Standard errors that the difference of the mean accuracies may be.
ACCURACY_STANDARD_ERRORS = 3.0
