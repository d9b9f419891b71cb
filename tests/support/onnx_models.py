"""Models of ONNX to test with: small ones in its own text form, and its light networks with weights."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

LIGHT = Path(onnx.__file__).parent / "backend/test/data/light"


def parsed(text: str, opset: int = 17, **constants: Any) -> onnx.ModelProto:
    """The model `net (...) => (...) {...}` says; constants are its initializers."""
    model = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : {opset}]> {text}')
    model.graph.initializer.extend(
        numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()
    )
    return model


def light(name: str) -> onnx.ModelProto:
    """One of ONNX's light networks. Its weights are all the same, which hides bugs: these are He's."""
    model = onnx.load(LIGHT / f"light_{name}.onnx")
    model.ir_version = 8  # from 4 on, weights are no inputs
    graph, random = model.graph, np.random.default_rng(7)
    roles = {each: (node.op_type, place) for node in graph.node for place, each in enumerate(node.input)}
    shapes = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    for node in [each for each in graph.node if each.op_type == "ConstantOfShape"]:
        shape = shapes[node.input[0]].astype(int)
        value = _weight(random, tuple(shape), *roles.get(node.output[0], ("", 0)))
        graph.initializer.append(numpy_helper.from_array(value.astype(np.float32), node.output[0]))
        graph.node.remove(node)
    return model


def _weight(random: np.random.Generator, shape: tuple[int, ...], op: str, place: int) -> np.ndarray:
    if place == 1 and op in ("Conv", "Gemm"):
        return random.normal(0, np.sqrt(2 / np.prod(shape[1:])), shape)
    if op == "BatchNormalization" and place in (1, 4):
        return random.uniform(0.5, 1.5, shape)
    if op == "Mul":
        return random.uniform(0.5, 1.5, shape)
    return random.normal(0, 0.1, shape)
