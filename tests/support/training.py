"""Fifty training steps of a network, told in bytes, so that runs can be compared bit for bit."""

import hashlib
from typing import Any

import numpy as np
from reference.model import ReferenceModel

from cnnfast import _core
from support.nets import NetworkBuilder, adam, get_weights

KINDS = ["lanes", "blocked", "winograd", "winograd_f2", "mlp"]


def _builder(kind: str) -> NetworkBuilder:
    """A network with a dropout in its middle, which no reference follows: only its bits matter."""
    if kind == "mlp":
        b = NetworkBuilder((30,), 3)
        b.dense(_dropout(b, b.activation(b.dense(-1, 150), "relu")), 10)
        return b
    channels = 1 if kind == "lanes" else 16
    b = NetworkBuilder((14, 13, channels), 3)
    filters = 20 if kind.startswith(("winograd", "blocked_bf16")) else 12  # these want at least 16
    v = b.activation(b.max_pool(b.conv(-1, filters, (3, 3), padding="same")), "relu")
    v = b.activation(b.conv(v, 20, (3, 3)), "relu")
    b.dense(b.activation(b.dense(b.flatten(_dropout(b, v)), 40), "tanh"), 10)
    return b


def _dropout(b: NetworkBuilder, src: int) -> int:
    value = b.graph.dropout(b._values[src], 0.3, "dropout")
    b._values[src] = value
    return src


def network(kind: str) -> tuple["_core.Network", ReferenceModel]:
    """The network of this kind, its convolutions forced to the kind, configured with Adam."""
    built, reference = _builder(kind).build()
    if kind != "mlp":
        built.force_algorithm("conv2d", kind)
    built.configure("sparse_categorical_crossentropy", True, ["accuracy"], adam(0.003))
    built.seed = 77
    return built, reference


def data(kind: str, samples: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """Images (or rows) and labels; deterministic."""
    rng = np.random.default_rng(5)
    shape = {"lanes": (14, 13, 1), "mlp": (30,)}.get(kind, (14, 13, 16))
    x = rng.normal(size=(samples, *shape)).astype(np.float32)
    return x, rng.integers(0, 10, samples).astype(np.int32)


def run(kind: str, steps: int = 50, batch: int = 37) -> dict[str, Any]:
    """Trains and returns what must not depend on threads: losses, a checksum of all weights and state."""
    built, reference = network(kind)
    x, y = data(kind)
    rng = np.random.default_rng(6)
    losses = [
        built.train_step(x, y, rng.choice(len(x), batch, replace=False).astype(np.int64))
        for _ in range(steps)
    ]
    parts = get_weights(built, len(reference.weights))
    parts += [np.array(buffer) for _, buffer in sorted(built.optimizer_state().items())]
    parts.append(built.predict(x[:21]))
    digest = hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest()
    return {"losses": losses, "digest": digest}
