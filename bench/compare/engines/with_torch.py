"""PyTorch: eager, channels last, and compiled (inference with frozen weights); fused optimizers."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from bench.compare import networks, reference
from bench.compare.known import THEIRS
from bench.compare.networks import Layer, Network
from numpy.typing import NDArray


def make(threads: int, channels_last: bool = False, compiled: bool = False) -> TorchEngine:
    """Sets both of PyTorch's thread pools."""
    torch.set_num_threads(threads)
    torch.set_num_interop_threads(1)
    return TorchEngine(channels_last, compiled)


class TorchEngine:
    """A module of the network; tensors are bound before the clock runs."""

    def __init__(self, channels_last: bool, compiled: bool) -> None:
        self.channels_last = channels_last
        self.compiled = compiled

    def versions(self) -> dict[str, str]:
        """Version of PyTorch."""
        return {"torch": torch.__version__}

    def predictor(
        self, network: Network, weights: list[NDArray[Any]], x: NDArray[Any]
    ) -> Callable[[], NDArray[Any]]:
        """Inference mode; compiled with freezing."""
        return self._predictor(*self.build(network, weights, x))

    def known_predictor(self, name: str, weights: Path, x: NDArray[Any]) -> Callable[[], NDArray[Any]]:
        """The same for a network of torchvision's."""
        return self._predictor(*self.build_known(name, weights, x))

    def _predictor(self, model: Any, samples: Any) -> Callable[[], NDArray[Any]]:
        model.eval()
        run: Callable[[Any], Any] = model
        if self.compiled:
            run = torch.compile(model, options={"freezing": True})

        def call() -> NDArray[Any]:
            with torch.inference_mode():
                out: NDArray[Any] = run(samples).numpy()
                return out

        return call

    def trainer(
        self, network: Network, weights: list[NDArray[Any]], x: NDArray[Any], y: NDArray[Any]
    ) -> Callable[[], float]:
        """Forward, backward and fused update; compiled, network and loss together."""
        model, samples = self.build(network, weights, x)
        return self._trainer(model, optimizer_of(network, model), samples, y)

    def known_trainer(
        self, name: str, weights: Path, x: NDArray[Any], y: NDArray[Any]
    ) -> Callable[[], float]:
        """The same for a network of torchvision's: gradient descent with momentum."""
        model, samples = self.build_known(name, weights, x)
        momentum = reference.MOMENTUM["momentum"]
        rate = torch.optim.SGD(model.parameters(), lr=reference.LEARNING_RATE, momentum=momentum, fused=True)
        return self._trainer(model.train(), rate, samples, y)

    def _trainer(self, model: Any, optimizer: Any, samples: Any, y: NDArray[Any]) -> Callable[[], float]:
        labels = torch.from_numpy(y).long()

        def loss_of(batch: Any, truth: Any) -> Any:
            return torch.nn.functional.cross_entropy(model(batch), truth)

        run = torch.compile(loss_of) if self.compiled else loss_of

        def call() -> float:
            optimizer.zero_grad(set_to_none=True)
            loss = run(samples, labels)
            loss.backward()
            optimizer.step()
            return float(loss.item())

        return call

    def build_known(self, name: str, weights: Path, x: NDArray[Any]) -> tuple[Any, Any]:
        """A network of torchvision's and the samples, as this engine has them."""
        return self._arranged(_known(name, weights), x)

    def build(self, network: Network, weights: list[NDArray[Any]], x: NDArray[Any]) -> tuple[Any, Any]:
        """The same of the comparison's."""
        return self._arranged(_Model(network, weights), x)

    def _arranged(self, model: Any, x: NDArray[Any]) -> tuple[Any, Any]:
        samples = torch.from_numpy(x)
        if self.channels_last and samples.ndim == 4:
            model.to(memory_format=torch.channels_last)
            samples = samples.contiguous(memory_format=torch.channels_last)
        return model, samples


class _Model(torch.nn.Module):  # type: ignore[misc]  # which mypy does not look into
    def __init__(self, network: Network, weights: list[NDArray[Any]]) -> None:
        super().__init__()
        source = iter(weights)
        self.steps = torch.nn.ModuleList(
            _module(layer, shape, source) for layer, shape in networks.with_read_shapes(network)
        )
        self.sources = networks.sources(network)

    def forward(self, x: Any) -> Any:
        values = [x]
        for step, read in zip(self.steps, self.sources, strict=True):
            values.append(step(*(values[i] for i in read)))
        return values[-1]


def _known(name: str, weights: Path) -> Any:
    # torchvision's compiled operations, which none of these needs, may be for another PyTorch.
    sys.modules.setdefault("torchvision._meta_registrations", types.ModuleType("none"))
    from safetensors.torch import load_file
    from torchvision import models

    options = {"aux_logits": False, "init_weights": False} if name == "InceptionV3" else {}
    network = getattr(models, THEIRS[name])(weights=None, **options)
    network.load_state_dict(load_file(weights), strict=False)  # but for its counters of batches
    return network


def optimizer_of(network: Network, model: Any) -> Any:
    """The one that the network asks for, fused."""
    learned = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if network.optimizer == "adam":
        betas = (reference.BETA_1, reference.BETA_2)
        return torch.optim.Adam(
            learned, lr=reference.LEARNING_RATE, betas=betas, eps=reference.EPSILON, fused=True
        )
    momentum = reference.MOMENTUM[network.optimizer]
    return torch.optim.SGD(learned, lr=reference.LEARNING_RATE, momentum=momentum, fused=True)


class _Chain(torch.nn.Module):  # type: ignore[misc]
    """Functions or modules one after the other; the first may read several values."""

    def __init__(self, first: Callable[..., Any], *others: Callable[..., Any]) -> None:
        super().__init__()
        self.first, self.others = first, others
        self.learns = torch.nn.ModuleList(m for m in (first, *others) if isinstance(m, torch.nn.Module))

    def forward(self, *values: Any) -> Any:
        out = self.first(*values)
        for step in self.others:
            out = step(out)
        return out


def _module(layer: Layer, shape: tuple[int, ...], weights: Any) -> Any:
    nn = torch.nn
    bias = layer.get("use_bias", True)
    match layer["type"]:
        case "conv2d":
            size, stride, padding, groups = networks.geometry(layer)
            out: Any = nn.Conv2d(shape[0], layer["filters"], size, stride, padding, groups=groups, bias=bias)
            _load(out, next(weights).transpose(3, 2, 0, 1), weights)
        case "conv2d_transpose":
            out = nn.ConvTranspose2d(shape[0], layer["filters"], layer["kernel_size"], layer["strides"])
            _load(out, next(weights).transpose(3, 2, 0, 1), weights)
        case "batch_norm":
            out = nn.BatchNorm2d(shape[0], eps=reference.BATCH_NORM_EPSILON)
            _load(out, next(weights), weights)
        case "dense":
            out = nn.Linear(shape[0], layer["units"])
            _load(out, next(weights).T, weights)
        case "max_pool2d":
            out = nn.MaxPool2d(*networks.window(layer))
        case "average_pool2d":
            out = nn.AvgPool2d(*networks.window(layer))
        case "global_average_pool2d":
            out = _Chain(lambda x: x.mean((2, 3)))
        case "add":
            out = _Chain(torch.add)
        case "concat":
            out = _Chain(lambda x, other: torch.cat([x, other], 1))
        case "dropout":
            out = nn.Dropout(layer["rate"])
        case _:
            out = nn.Flatten()
    if layer.get("frozen"):
        out.requires_grad_(False)
    if "activation" in layer:
        out = _Chain(out, {"relu": nn.ReLU, "tanh": nn.Tanh}[layer["activation"]]())
    return out


def _load(module: Any, weight: NDArray[Any], rest: Iterator[NDArray[Any]]) -> None:
    with torch.no_grad():
        module.weight.copy_(torch.from_numpy(weight.copy()))
        if module.bias is not None:
            module.bias.copy_(torch.from_numpy(next(rest)))
