"""PyTorch: eager, channels last, and compiled (inference with frozen weights); fused optimizers."""

from __future__ import annotations

from collections.abc import Callable
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
    """An `nn.Sequential` of the network; tensors are bound before the clock runs."""

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
        modules: list[Any] = []
        source = iter(weights)
        for layer, shape in zip(network.layers, networks.shapes(network), strict=False):
            modules += _modules(layer, shape, source)
        model = torch.nn.Sequential(*modules)
        samples = torch.from_numpy(x)
        if self.channels_last and samples.ndim == 4:
            model = model.to(memory_format=torch.channels_last)
            samples = samples.contiguous(memory_format=torch.channels_last)
        return model, samples


def _optimizer(network: Network, model: Any) -> Any:
    learned = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if network.optimizer == "adam":
        betas = (reference.BETA_1, reference.BETA_2)
        return torch.optim.Adam(
            learned, lr=reference.LEARNING_RATE, betas=betas, eps=reference.EPSILON, fused=True
        )
    momentum = reference.MOMENTUM[network.optimizer]
    return torch.optim.SGD(learned, lr=reference.LEARNING_RATE, momentum=momentum, fused=True)


def _modules(layer: Layer, shape: tuple[int, ...], weights: Any) -> list[Any]:
    nn = torch.nn
    match layer["type"]:
        case "conv2d":
            size, stride, padding, groups = networks.geometry(layer)
            conv = nn.Conv2d(shape[0], layer["filters"], size, stride, padding, groups=groups)
            _load(conv, next(weights).transpose(3, 2, 0, 1), next(weights))
            out: list[Any] = [conv]
        case "dense":
            linear = nn.Linear(shape[0], layer["units"])
            _load(linear, next(weights).T, next(weights))
            out = [linear]
        case "max_pool2d":
            out = [nn.MaxPool2d(*networks.window(layer))]
        case "average_pool2d":
            out = [nn.AvgPool2d(*networks.window(layer))]
        case "dropout":
            out = [nn.Dropout(layer["rate"])]
        case _:
            out = [nn.Flatten()]
    if layer.get("frozen"):
        out[0].requires_grad_(False)
    if "activation" in layer:
        out.append({"relu": nn.ReLU, "tanh": nn.Tanh}[layer["activation"]]())
    return out


def _load(module: Any, kernel: NDArray[Any], bias: NDArray[Any]) -> None:
    with torch.no_grad():
        module.weight.copy_(torch.from_numpy(kernel.copy()))
        module.bias.copy_(torch.from_numpy(bias))
