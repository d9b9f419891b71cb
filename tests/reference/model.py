"""A whole small network in float64: a list of nodes, run forwards, backwards and trained."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from reference.conv import conv, conv_grad, conv_transpose, conv_transpose_grad
from reference.dense import activation, activation_grad, dense, dense_grad
from reference.geometry import Array, from_last, to_last
from reference.pool import average_pool, average_pool_grad, max_pool, max_pool_grad


class Optimizer(Protocol):
    """What `train_step` needs of an optimizer."""

    def update(self, weights: list[Array], grads: list[Array]) -> None:
        """Changes the weights in place."""


@dataclass(frozen=True)
class Node:
    """One operation: its name, its numbered sources (-1 is the input) and its attributes."""

    op: str
    sources: tuple[int, ...]
    attributes: dict[str, Any] = field(default_factory=dict)

    @property
    def has_weights(self) -> bool:
        """Whether a kernel and a bias belong to it."""
        return self.op in ("conv", "conv_transpose", "dense")


def _forward(node: Node, sources: Sequence[Array], weights: Sequence[Array]) -> Array:
    x, a = sources[0], node.attributes
    if node.op in ("conv", "conv_transpose"):
        forward = conv if node.op == "conv" else conv_transpose
        return forward(x, weights[0], bias=weights[1], **a)
    if node.op == "dense":
        return dense(x, *weights)
    if node.op == "flatten":
        return to_last(x, a["data_format"]).reshape(len(x), -1)
    if node.op == "add":
        return np.sum(sources, axis=0)
    if node.op == "dropout":  # without training
        return x
    if node.op == "activation":
        return activation(a["kind"], x)
    return {"max_pool": max_pool, "average_pool": average_pool}[node.op](x, **a)


def _backward(
    node: Node, sources: Sequence[Array], weights: Sequence[Array], grad: Array
) -> tuple[Sequence[Array], Sequence[Array]]:
    x, a = sources[0], node.attributes
    if node.op in ("conv", "conv_transpose"):
        backward = conv_grad if node.op == "conv" else conv_transpose_grad
        grad_x, *grads = backward(x, weights[0], grad, **a)
        return [grad_x], grads
    if node.op == "dense":
        grad_x, *grads = dense_grad(x, weights[0], grad)
        return [grad_x], grads
    if node.op == "flatten":
        last = to_last(x, a["data_format"])
        return [from_last(grad.reshape(last.shape), a["data_format"])], []
    if node.op in ("add", "dropout"):
        return [grad] * len(sources), []
    if node.op == "activation":
        return [activation_grad(a["kind"], x, grad)], []
    return [{"max_pool": max_pool_grad, "average_pool": average_pool_grad}[node.op](x, grad, **a)], []


class ReferenceModel:
    """Nodes in order, the last one the output. `weights`: kernel, bias, kernel, bias, in the nodes' order."""

    def __init__(self, nodes: Sequence[Node], weights: Sequence[NDArray[Any]]) -> None:
        self.nodes = list(nodes)
        self.weights: list[Array] = [np.array(w, np.float64) for w in weights]

    def _positions(self) -> list[int]:
        counts = [2 * node.has_weights for node in self.nodes]
        return [int(sum(counts[:k])) for k in range(len(counts))]

    def _run(self, x: NDArray[Any]) -> list[Array]:
        values: list[Array] = []
        image = np.asarray(x, np.float64)
        for node, at in zip(self.nodes, self._positions(), strict=True):
            sources = [values[s] if s >= 0 else image for s in node.sources]
            values.append(_forward(node, sources, self.weights[at : at + 2]))
        return values

    def predict(self, x: NDArray[Any]) -> Array:
        """The output."""
        return self._run(x)[-1]

    def vjp(self, x: NDArray[Any], grad_out: NDArray[Any]) -> tuple[Array, list[Array]]:
        """Gradients of sum(grad_out * output) by the input and by all weights."""
        image = np.asarray(x, np.float64)
        values = self._run(x)
        grads: list[Array] = [np.zeros_like(v) for v in values]
        grads[-1] = np.asarray(grad_out, np.float64)
        grad_x, grad_weights = np.zeros_like(image), [np.zeros_like(w) for w in self.weights]
        positions = self._positions()
        for k in reversed(range(len(values))):
            node, at = self.nodes[k], positions[k]
            sources = [values[s] if s >= 0 else image for s in node.sources]
            by_source, by_weight = _backward(node, sources, self.weights[at : at + 2], grads[k])
            for s, g in zip(node.sources, by_source, strict=True):
                if s >= 0:
                    grads[s] = grads[s] + g
                else:
                    grad_x = grad_x + g
            for offset, g in enumerate(by_weight):
                grad_weights[at + offset] += g
        return grad_x, grad_weights

    def train_step(
        self,
        x: NDArray[Any],
        loss: Callable[[Array], tuple[float, Array]],
        optimizer: Optimizer,
    ) -> float:
        """One update; `loss` maps the output to (loss, gradient). Returns the loss before the update."""
        value, grad = loss(self.predict(x))
        optimizer.update(self.weights, self.vjp(x, grad)[1])
        return value
