"""PyTorch on a GPU, in each of its forms: eager, channels last, compiled, and as one CUDA graph a step."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from bench.compare.engines import with_torch
from bench.compare.networks import Network
from numpy.typing import NDArray

DEVICE = "cuda"
BATCHES, WARM = 20, 3
Steps = Callable[[], float]
Step = Callable[[], object]


def trainers(
    network: Network, weights: list[NDArray[Any]], x: NDArray[Any], y: NDArray[Any]
) -> dict[str, Steps]:
    """Training steps of a network of the comparison."""

    def build(channels_last: bool) -> tuple[Any, Any, Any]:
        model, samples = with_torch.TorchEngine(channels_last, False).build(network, weights, x)
        model.to(DEVICE)
        return model, samples.to(DEVICE), with_torch.optimizer_of(network, model)

    return _forms(lambda channels_last, form: _training(form, *build(channels_last), y))


def known_trainers(name: str, weights: Path, x: NDArray[Any], y: NDArray[Any]) -> dict[str, Steps]:
    """The same of one of torchvision's."""

    def build(channels_last: bool) -> tuple[Any, Any, Any]:
        model, samples = with_torch.TorchEngine(channels_last, False).build_known(name, weights, x)
        model.to(DEVICE).train()
        optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9, fused=True)
        return model, samples.to(DEVICE), optimizer

    return _forms(lambda channels_last, form: _training(form, *build(channels_last), y))


def known_predictors(name: str, weights: Path, x: NDArray[Any]) -> dict[str, Steps]:
    """Predictions of one of torchvision's."""

    def step(channels_last: bool, form: str) -> Step:
        model, samples = with_torch.TorchEngine(channels_last, False).build_known(name, weights, x)
        model, samples = model.to(DEVICE).eval(), samples.to(DEVICE)
        run = torch.compile(model) if form == "compiled" else model

        def predict() -> object:
            with torch.inference_mode():
                return run(samples)

        return _recorded(predict) if form == "graph" else predict

    return _forms(step)


def _forms(step: Callable[[bool, str], Step]) -> dict[str, Steps]:
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    torch.backends.cudnn.benchmark = True
    forms = {
        "torch": (False, "eager"),
        "torch-channels-last": (True, "eager"),
        "torch-compile": (True, "compiled"),
        "torch-graph": (True, "graph"),
    }
    return {name: _timed(step(*form)) for name, form in forms.items()}


def _training(form: str, model: Any, samples: Any, optimizer: Any, y: NDArray[Any]) -> Step:
    labels = torch.from_numpy(y).long().to(DEVICE)
    if form == "graph":
        for group in optimizer.param_groups:
            group["capturable"] = True

    def loss_of(batch: Any) -> Any:
        return torch.nn.functional.cross_entropy(model(batch), labels)

    run = torch.compile(loss_of) if form == "compiled" else loss_of

    def train() -> object:
        optimizer.zero_grad(set_to_none=True)
        loss = run(samples)
        loss.backward()
        optimizer.step()
        return loss

    return _recorded(train) if form == "graph" else train


def _recorded(step: Step) -> Step:
    """The step as one graph, recorded after some runs on another stream, as PyTorch wants it."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(WARM):
            step()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    replay: Step = graph.replay
    return replay


def _timed(step: Step) -> Steps:
    def steps() -> float:
        torch.cuda.synchronize()
        begin = time.perf_counter()
        for _ in range(BATCHES):
            step()
        torch.cuda.synchronize()
        return (time.perf_counter() - begin) / BATCHES

    return steps
