"""PyTorch: eager, channels last, and compiled (inference with frozen weights); fused optimizers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from bench.compare import networks, reference
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
        model, samples = self._build(network, weights, x)
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
        model, samples = self._build(network, weights, x)
        labels = torch.from_numpy(y).long()
        optimizer = _optimizer(network, model)

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

    def _build(self, network: Network, weights: list[NDArray[Any]], x: NDArray[Any]) -> tuple[Any, Any]:
        model = _Model(network, weights)
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


def _optimizer(network: Network, model: Any) -> Any:
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
