"""MNN on the ONNX model, turned into its own format by the converter of its wheel: inference only."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import _tools  # the compiled half of MNN.tools.mnnconvert
import MNN
from bench.compare.engines import onnx_export
from bench.compare.networks import Network
from MNN import expr, nn
from numpy.typing import NDArray


def make(threads: int) -> MnnEngine:
    """Keeps the thread count for the modules."""
    return MnnEngine(threads)


class MnnEngine:
    """A module with fixed shapes and weights arranged when it is loaded."""

    def __init__(self, threads: int) -> None:
        self.threads = threads

    def versions(self) -> dict[str, str]:
        """Version of MNN."""
        return {"mnn": MNN.version()}

    def predictor(
        self, network: Network, weights: list[NDArray[Any]], x: NDArray[Any]
    ) -> Callable[[], NDArray[Any]]:
        """`onForward` from NumPy to NumPy."""
        return self.of_onnx(onnx_export.export(network, weights, x.shape), x)

    def of_onnx(self, model: bytes | Path, x: NDArray[Any]) -> Callable[[], NDArray[Any]]:
        """The same for a model, or its file, of input "x" and output "logits"."""
        with tempfile.TemporaryDirectory() as folder:
            source, target = Path(folder) / "model.onnx", Path(folder) / "model.mnn"
            if isinstance(model, bytes):
                source.write_bytes(model)
            else:
                source = model
            arguments = ["-f", "ONNX", "--modelFile", str(source), "--MNNModel", str(target)]
            _tools.mnnconvert(["mnnconvert", *arguments, "--bizCode", "bench"])
            module = nn.load_module_from_file(
                str(target),
                ["x"],
                ["logits"],
                backend=expr.Backend.CPU,
                precision_mode=expr.PrecisionMode.High,
                thread_num=self.threads,
                shape_mutable=False,
                rearrange=True,
            )

        def call() -> NDArray[Any]:
            out: NDArray[Any] = module.onForward([expr.const(x, x.shape, expr.NCHW)])[0].read()
            return out

        return call

    def trainer(
        self, network: Network, weights: list[NDArray[Any]], x: NDArray[Any], y: NDArray[Any]
    ) -> Callable[[], float]:
        """Refused: MNN is asked for inference only."""
        raise NotImplementedError("MNN does inference only here")
