"""ONNX Runtime on a model written node by node: inference only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import onnxruntime
from bench.compare.networks import CLASSES, Layer, Network
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper


def make(threads: int) -> OnnxRuntimeEngine:
    """Keeps the thread count for the sessions."""
    return OnnxRuntimeEngine(threads)


class OnnxRuntimeEngine:
    """A session with all graph optimizations."""

    def __init__(self, threads: int) -> None:
        self.threads = threads

    def versions(self) -> dict[str, str]:
        """Version of ONNX Runtime."""
        return {"onnxruntime": onnxruntime.__version__}

    def predictor(
        self, network: Network, weights: list[NDArray[Any]], x: NDArray[Any]
    ) -> Callable[[], NDArray[Any]]:
        """`session.run` from NumPy to NumPy."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        model = export(network, weights, x.shape)
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

        def call() -> NDArray[Any]:
            out: NDArray[Any] = session.run(["logits"], {"x": x})[0]
            return out

        return call

    def trainer(
        self, network: Network, weights: list[NDArray[Any]], x: NDArray[Any], y: NDArray[Any]
    ) -> Callable[[], float]:
        """Refused: ONNX Runtime's packages do not train."""
        raise NotImplementedError("ONNX Runtime does inference only")


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
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, (shape[0], CLASSES))],
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
            add("Conv", constant(next(weights).transpose(3, 2, 0, 1)), constant(next(weights)))
        case "dense":
            add("Gemm", constant(next(weights)), constant(next(weights)))
        case "max_pool2d" | "average_pool2d":
            op = "MaxPool" if layer["type"] == "max_pool2d" else "AveragePool"
            add(op, kernel_shape=[layer["pool_size"]] * 2, strides=[layer["pool_size"]] * 2)
        case "flatten":
            add("Flatten")
    if "activation" in layer:
        add({"relu": "Relu", "tanh": "Tanh"}[layer["activation"]])
