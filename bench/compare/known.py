"""Known networks of pictures of 224 pixels, which no file of bench/shapes spells out: each engine takes them
as its users do, torchvision's modules or an ONNX file, with the same weights and pictures.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Of `cnnfast.applications`, and what torchvision calls them.
THEIRS = {
    "ResNet18": "resnet18",
    "ResNet50": "resnet50",
    "MobileNetV2": "mobilenet_v2",
    "ResNeXt50": "resnext50_32x4d",
    "DenseNet201": "densenet201",
    "InceptionV3": "inception_v3",
}
SIDES = {"InceptionV3": 299}
RANDOM = ("MobileNetV2",)  # with dropout, so that no two libraries' losses are the same
BATCH = 4  # of training
STEPS = 2  # of training that are compared


def samples(name: str, count: int) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Returns pictures, channels first, and labels."""
    rng, side = np.random.default_rng(2), SIDES.get(name, 224)
    pictures = rng.normal(size=(count, 3, side, side)).astype(np.float32)
    return pictures, rng.integers(0, 1000, count).astype(np.int32)


def write(folder: Path, name: str) -> None:
    """Writes the network's files: weights under torchvision's names, and an ONNX model of one picture."""
    import onnx
    from safetensors.torch import save_file

    from cnnfast import applications, io, to_torch_state_dict

    side = SIDES.get(name, 224)
    model = getattr(applications, name)(input_shape=(side, side, 3), classifier_activation=None)
    model.set_weights(_weights([(weight.name, weight.shape) for weight in model.weights]))
    save_file(to_torch_state_dict(model), folder / f"{name}.safetensors")
    io.save_onnx(model, folder / f"{name}.onnx")
    made = onnx.load(folder / f"{name}.onnx")
    _take_channels_first(made.graph, (1, 3, side, side))
    onnx.save(made, folder / f"{name}.onnx")


def _weights(named: list[tuple[str, tuple[int, ...]]]) -> list[NDArray[np.float32]]:
    """He's for kernels, numbers around 1 for what scales and around 0 for the rest."""
    rng, made = np.random.default_rng(1), []
    for name, shape in named:
        numbers = rng.normal(size=shape)
        if len(shape) > 1:
            numbers *= np.sqrt(2 * shape[-1] / np.prod(shape))
        elif name.endswith(("gamma", "moving_variance")):
            numbers = 1 + 0.1 * np.abs(numbers)
        else:
            numbers *= 0.1
        made.append(numbers.astype(np.float32))
    return made


def _take_channels_first(graph: Any, shape: tuple[int, ...]) -> None:
    """Has a graph begin behind the transposition that its file begins with, as other people's do."""
    given = graph.input[0].name
    turns = [node for node in graph.node if node.op_type == "Transpose" and node.input[0] == given]
    names = {graph.output[0].name: "logits"} | {node.output[0]: "x" for node in turns}
    for node in turns:
        graph.node.remove(node)
    for node in graph.node:
        node.input[:] = [names.get(each, each) for each in node.input]
        node.output[:] = [names.get(each, each) for each in node.output]
    graph.input[0].name, graph.output[0].name = "x", "logits"
    for dim, size in zip(graph.input[0].type.tensor_type.shape.dim, shape, strict=True):
        dim.dim_value = size
    del graph.value_info[:]


def bind(engine: Any, folder: Path, name: str, trains: bool) -> Callable[[], Any]:
    """Returns the call that is timed."""
    x, y = samples(name, BATCH if trains else 1)
    if trains:
        trainer: Callable[[], Any] = engine.known_trainer(name, folder / f"{name}.safetensors", x, y)
        return trainer
    if hasattr(engine, "known_predictor"):
        predictor: Callable[[], Any] = engine.known_predictor(name, folder / f"{name}.safetensors", x)
        return predictor
    of_onnx: Callable[[], Any] = engine.of_onnx(folder / f"{name}.onnx", x)
    return of_onnx
