"""SGD and Adam by Keras's formulas, with Keras's argument names."""

from dataclasses import dataclass, field

import numpy as np

from reference.geometry import Array


def clip(grads: list[Array], kind: str, limit: float) -> list[Array]:
    """Keras's `clipnorm`, `global_clipnorm` and `clipvalue`."""
    if kind == "clipvalue":
        return [np.clip(g, -limit, limit) for g in grads]
    norms = [np.sqrt((g**2).sum()) for g in grads]
    if kind == "global_clipnorm":
        norms = [np.sqrt(sum(norm**2 for norm in norms))] * len(grads)
    return [g * limit / max(norm, limit) for g, norm in zip(grads, norms, strict=True)]


@dataclass
class Clipped:
    """An optimizer behind clipping."""

    optimizer: "SGD | Adam"
    kind: str
    limit: float

    def update(self, weights: list[Array], grads: list[Array]) -> None:
        """Changes the weights in place."""
        self.optimizer.update(weights, clip(grads, self.kind, self.limit))


@dataclass
class SGD:
    """velocity = momentum * velocity - rate * g; w += velocity (Nesterov: momentum * velocity - rate * g)."""

    learning_rate: float = 0.01
    momentum: float = 0.0
    nesterov: bool = False
    velocity: dict[int, Array] = field(default_factory=dict)

    def update(self, weights: list[Array], grads: list[Array]) -> None:
        """Changes the weights in place."""
        for k, (w, g) in enumerate(zip(weights, grads, strict=True)):
            v = self.momentum * self.velocity.get(k, np.zeros_like(w)) - self.learning_rate * g
            self.velocity[k] = v
            w += self.momentum * v - self.learning_rate * g if self.nesterov else v


@dataclass
class Adam:
    """m, v: moving means of g, g^2; w -= rate * sqrt(1 - b2^t) / (1 - b1^t) * m / (sqrt(v) + epsilon)."""

    learning_rate: float = 0.001
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-7
    step: int = 0
    m: dict[int, Array] = field(default_factory=dict)
    v: dict[int, Array] = field(default_factory=dict)

    def update(self, weights: list[Array], grads: list[Array]) -> None:
        """Changes the weights in place."""
        self.step += 1
        rate = self.learning_rate * np.sqrt(1 - self.beta_2**self.step) / (1 - self.beta_1**self.step)
        for k, (w, g) in enumerate(zip(weights, grads, strict=True)):
            zeros = np.zeros_like(w)
            self.m[k] = self.m.get(k, zeros) + (g - self.m.get(k, zeros)) * (1 - self.beta_1)
            self.v[k] = self.v.get(k, zeros) + (g**2 - self.v.get(k, zeros)) * (1 - self.beta_2)
            w -= rate * self.m[k] / (np.sqrt(self.v[k]) + self.epsilon)
