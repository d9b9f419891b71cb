"""ncnn on a network written in its own text and binary format: inference of one sample."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ncnn
import numpy as np
from bench.compare import networks
from bench.compare.networks import Layer, Network
from numpy.typing import NDArray

_MAGIC = "7767517"
_RELU = {"relu": " 9=1"}  # fused into a layer; tanh is a layer of its own


def make(threads: int) -> NcnnEngine:
    """Keeps the thread count for the networks."""
    return NcnnEngine(threads)


class NcnnEngine:
    """Float32 throughout: storage in 16 bits is switched off."""

    def __init__(self, threads: int) -> None:
        self.threads = threads

    def versions(self) -> dict[str, str]:
        """Version of ncnn."""
        return {"ncnn": ncnn.__version__}

    def predictor(
        self, network: Network, weights: list[NDArray[Any]], x: NDArray[Any]
    ) -> Callable[[], NDArray[Any]]:
        """One extractor a call, from NumPy to NumPy."""
        with tempfile.TemporaryDirectory() as folder:
            text, binary = Path(folder) / "net.param", Path(folder) / "net.bin"
            text.write_text(_text(network, weights))
            binary.write_bytes(b"".join(_blobs(weights)))
            return self._call(text, binary, x, ("x", "logits"))

    def of_onnx(self, model: Path, x: NDArray[Any]) -> Callable[[], NDArray[Any]]:
        """The same for an ONNX file, turned into ncnn's format by pnnx."""
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(model, Path(folder) / "net.onnx")
            pnnx, shape = Path(sys.executable).with_name("pnnx"), ",".join(map(str, x.shape))
            command = [str(pnnx), "net.onnx", f"inputshape=[{shape}]", "fp16=0"]
            subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
            text, binary = Path(folder) / "net.ncnn.param", Path(folder) / "net.ncnn.bin"
            return self._call(text, binary, x, ("in0", "out0"))

    def _call(
        self, text: Path, binary: Path, x: NDArray[Any], names: tuple[str, str]
    ) -> Callable[[], NDArray[Any]]:
        net = ncnn.Net()
        net.opt.num_threads = self.threads
        net.opt.use_vulkan_compute = False
        for option in ("bf16_storage", "fp16_packed", "fp16_storage", "fp16_arithmetic"):
            setattr(net.opt, f"use_{option}", False)
        if net.load_param(str(text)) or net.load_model(str(binary)):
            raise RuntimeError(f"ncnn cannot read the network:\n{text.read_text()}")
        (sample,) = x

        def call() -> NDArray[Any]:
            extractor = net.create_extractor()
            extractor.input(names[0], ncnn.Mat(sample))
            _, logits = extractor.extract(names[1])
            out: NDArray[Any] = np.array(logits)[None]
            return out

        return call

    def trainer(
        self, network: Network, weights: list[NDArray[Any]], x: NDArray[Any], y: NDArray[Any]
    ) -> Callable[[], float]:
        """Refused: ncnn does not train."""
        raise NotImplementedError("ncnn does inference only")


def _text(network: Network, weights: list[NDArray[Any]]) -> str:
    """The layers; blob i goes into layer i."""
    sizes = iter(kernel.size for kernel in weights[::2])
    # Operators that take one blob to the next: (type, arguments).
    chain = [entry for layer in network.layers for entry in _entries(layer, sizes)]
    names = ["x", *(f"value{i}" for i in range(1, len(chain))), "logits"]
    lines = [_MAGIC, f"{len(chain) + 1} {len(chain) + 1}", "Input x 0 1 x"]
    for i, (kind, arguments) in enumerate(chain):
        lines.append(f"{kind} layer{i} 1 1 {names[i]} {names[i + 1]} {arguments}")
    return "\n".join(lines) + "\n"


def _entries(layer: Layer, sizes: Iterator[int]) -> Iterator[tuple[str, str]]:
    activation = layer.get("activation", "linear")
    match layer["type"]:
        case "conv2d":
            size, stride, padding, groups = networks.geometry(layer)
            kind = "Convolution" if groups == 1 else "ConvolutionDepthWise"
            arguments = f"0={layer['filters']} 1={size} 3={stride} 4={padding} 5=1 6={next(sizes)} 7={groups}"
            yield kind, arguments + _RELU.get(activation, "")
        case "dense":
            yield "InnerProduct", f"0={layer['units']} 1=1 2={next(sizes)}" + _RELU.get(activation, "")
        case "max_pool2d" | "average_pool2d":
            size, stride = networks.window(layer)
            # 5=1: as many windows as fit, the last incomplete one left out.
            yield "Pooling", f"0={int(layer['type'] != 'max_pool2d')} 1={size} 2={stride} 5=1"
        case "flatten":
            yield "Flatten", ""
    if activation == "tanh":
        yield "TanH", ""


def _blobs(weights: list[NDArray[Any]]) -> Iterator[bytes]:
    """Each kernel, outputs first and marked (0) as plain float32, then its bias."""
    for kernel, bias in zip(weights[::2], weights[1::2], strict=True):
        yield np.int32(0).tobytes()
        yield np.moveaxis(kernel, (-1, -2), (0, 1)).tobytes()
        yield bias.tobytes()
