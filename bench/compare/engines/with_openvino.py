"""OpenVINO's CPU plugin on the ONNX model: inference only."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import openvino
from bench.compare.engines import onnx_export
from bench.compare.networks import Network
from numpy.typing import NDArray


def make(threads: int, precision: str = "f32") -> OpenVinoEngine:
    """Keeps the thread count for the compiled models."""
    return OpenVinoEngine(threads, precision)


class OpenVinoEngine:
    """One inference request, compiled for latency, kept in its precision by the hint."""

    def __init__(self, threads: int, precision: str) -> None:
        self.core = openvino.Core()
        self.options = {
            "INFERENCE_PRECISION_HINT": precision,
            "INFERENCE_NUM_THREADS": threads,
            "PERFORMANCE_HINT": "LATENCY",
        }

    def versions(self) -> dict[str, str]:
        """Version of OpenVINO."""
        return {"openvino": openvino.__version__.split("-")[0]}

    def predictor(
        self, network: Network, weights: list[NDArray[Any]], x: NDArray[Any]
    ) -> Callable[[], NDArray[Any]]:
        """`infer` from NumPy to NumPy, without copies at either end."""
        return self.of_onnx(onnx_export.export(network, weights, x.shape), x)

    def of_onnx(self, model: bytes | Path, x: NDArray[Any]) -> Callable[[], NDArray[Any]]:
        """The same for a model, or its file, of input "x" and output "logits"."""
        compiled = self.core.compile_model(self.core.read_model(model), "CPU", self.options)
        request = compiled.create_infer_request()

        def call() -> NDArray[Any]:
            out: NDArray[Any] = request.infer({0: x}, share_inputs=True, share_outputs=True)[0]
            return out

        return call

    def trainer(
        self, network: Network, weights: list[NDArray[Any]], x: NDArray[Any], y: NDArray[Any]
    ) -> Callable[[], float]:
        """Refused: OpenVINO does not train."""
        raise NotImplementedError("OpenVINO does inference only")
