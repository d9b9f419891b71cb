"""What the kernels must show on AVX-512, as data, line by line; kernels.py measures and judges it."""

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
    needs: str | None = None  # the processor's flag without which the bar means nothing

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


_3X3 = _layers("forward", "3x3")
_LARGE, _14, _7 = (
    _layers("forward", "3x3", sizes=sizes) for sizes in (range(28, 999), range(14, 15), range(7, 8))
)
_1X1 = ("1x1", "1x1_s2")
_OTHERS = (*_1X1, "3x3_s2", "stem")


def _image(network: str) -> tuple[Workload, ...]:
    return (Workload(network, "predict", 1),)


def _training(network: str, batch: int = 128) -> tuple[Workload, ...]:
    return (Workload(network, "train", batch),)


_VGG = _image("vgg16")

BARS = (
    Bar("3x3 s1, 28x28 and larger, over the best peer", _LARGE, FRAMEWORKS, 2.6, 2.6),
    Bar("3x3 s1, 14x14, over the best peer", _14, FRAMEWORKS, 2.3, 2.3),
    Bar("3x3 s1, 7x7, over the best peer", _7, FRAMEWORKS, 1.5, 1.5),
    Bar("3x3 s1, over the better of ncnn and MNN", _3X3, WINOGRAD_PEERS, 1.05, 1.05),
    Bar("3x3 s1, exact class, of peak", _3X3, "peak", 0.93, 0.90, "cnnfast-exact"),
    Bar("1x1, of peak", _layers("forward", *_1X1), "peak", 0.93, 0.90),
    Bar("3x3 s2, of peak", _layers("forward", "3x3_s2"), "peak", 0.93, 0.90),
    Bar("stem, 3 input channels, of peak", _layers("forward", "stem"), "peak", 0.88, 0.85),
    Bar("depthwise 3x3, over the best peer", _layers("forward", "depthwise"), FRAMEWORKS, 1.2, 1.2),
    Bar("backward-data, 3x3 s1, over PyTorch", _layers("backward_data", "3x3"), TORCH, 2.3, 2.3),
    Bar("backward-data, 1x1, of peak", _layers("backward_data", "1x1"), "peak", 0.93, 0.93),
    Bar("backward-weights, 3x3 s1, over PyTorch", _layers("backward_weights", "3x3"), TORCH, 2.0, 2.0),
    Bar("backward-weights, others, of peak", _layers("backward_weights", *_OTHERS), "peak", 0.85, 0.85),
    Bar(
        "bfloat16, direct and 1x1, of its peak",
        _layers("forward", *_1X1, "3x3_s2"),
        "bfloat16 peak",
        0.90,
        0.85,
        "cnnfast-fast",
        "avx512_bf16",
    ),
    Bar("VGG-16, one image, over the best peer", _VGG, FRAMEWORKS, 2.6, 2.6),
    Bar("VGG-16, one image, over the better of ncnn and MNN", _VGG, WINOGRAD_PEERS, 1.18, 1.18),
    Bar("training step, MNIST CNN, over the best peer", _training("mnist_cnn"), TRAINERS, 3.0, 3.0),
    Bar("training step, CIFAR CNN, over the best peer", _training("cifar_cnn"), TRAINERS, 3.3, 3.3),
    Bar("training step, MNIST MLP, over the best peer", _training("mnist_mlp"), TRAINERS, 1.3, 1.3),
    Bar("training step, VGG-16, over PyTorch", _training("vgg16", 4), ("torch-channels-last",), 2.0, 2.0),
    Bar("LeNet-5, one image, over ONNX Runtime", _image("lenet5"), ("onnxruntime",), 2.0, None),
    Bar("MNIST CNN, one image, over ONNX Runtime", _image("mnist_cnn"), ("onnxruntime",), 2.0, None),
)
