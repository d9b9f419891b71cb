"""A network as an ONNX model, written node by node: what ONNX Runtime, OpenVINO and MNN's converter read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bench.compare import networks
from bench.compare.networks import Layer, Network
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper


def export(network: Network, weights: list[NDArray[Any]], shape: tuple[int, ...]) -> bytes:
    """The network as a serialized ONNX model (opset 17) with fixed input shape."""
    nodes: list[Any] = []
    initializers: list[Any] = []
    source = iter(weights)
    value = "x"

    def add(op: str, *inputs: str, **attributes: Any) -> None:
        nonlocal value
        out = f"value{len(nodes)}"
        nodes.append(helper.make_node(op, [value, *inputs], [out], **attributes))
        value = out

    def constant(array: NDArray[Any]) -> str:
        name = f"weight{len(initializers)}"
        initializers.append(numpy_helper.from_array(array.copy(), name))
        return name

    for layer in network.layers:
        _add_layer(layer, add, constant, source)
    nodes[-1].output[0] = "logits"
    graph = helper.make_graph(
        nodes,
        network.name,
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, (shape[0], network.classes))],
        initializers,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    serialized: bytes = model.SerializeToString()
    return serialized


def _add_layer(
    layer: Layer, add: Callable[..., None], constant: Callable[[NDArray[Any]], str], weights: Any
) -> None:
    match layer["type"]:
        case "conv2d":
            size, stride, padding, groups = networks.geometry(layer)
            add(
                "Conv",
                constant(next(weights).transpose(3, 2, 0, 1)),
                constant(next(weights)),
                kernel_shape=[size] * 2,
                strides=[stride] * 2,
                pads=[padding] * 4,
                group=groups,
            )
        case "dense":
            add("Gemm", constant(next(weights)), constant(next(weights)))
        case "max_pool2d" | "average_pool2d":
            op = "MaxPool" if layer["type"] == "max_pool2d" else "AveragePool"
            size, stride = networks.window(layer)
            add(op, kernel_shape=[size] * 2, strides=[stride] * 2)
        case "flatten":
            add("Flatten")
    if "activation" in layer:
        add({"relu": "Relu", "tanh": "Tanh"}[layer["activation"]])
