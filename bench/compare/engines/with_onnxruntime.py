"""ONNX Runtime: inference only."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnxruntime
from bench.compare.engines import onnx_export
from bench.compare.networks import Network
from numpy.typing import NDArray


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
        return self.of_onnx(onnx_export.export(network, weights, x.shape), x)

    def of_onnx(self, model: bytes | Path, x: NDArray[Any]) -> Callable[[], NDArray[Any]]:
        """The same for a model, or its file, of input "x" and output "logits"."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        session = onnxruntime.InferenceSession(
            model if isinstance(model, bytes) else str(model), options, providers=["CPUExecutionProvider"]
        )

        def call() -> NDArray[Any]:
            out: NDArray[Any] = session.run(["logits"], {"x": x})[0]
            return out

        return call

    def trainer(
        self, network: Network, weights: list[NDArray[Any]], x: NDArray[Any], y: NDArray[Any]
    ) -> Callable[[], float]:
        """Refused: ONNX Runtime's packages do not train."""
        raise NotImplementedError("ONNX Runtime does inference only")
