"""Networks of many layers: what describes, plans and lays them out takes time in proportion to the layers."""

from collections.abc import Callable

import numpy as np
import pytest
from reference.model import ReferenceModel
from support.nets import NetworkBuilder, sgd
from support.timing import least_seconds

from cnnfast import _core


def _dense(b: NetworkBuilder, v: int) -> int:
    return b.activation(b.dense(v, 8), "tanh")


def _residual(b: NetworkBuilder, v: int) -> int:
    return b.activation(b.add(b.conv(v, 4, (3, 3), padding="same"), v), "tanh")


def _dropped(b: NetworkBuilder, v: int) -> int:
    return b.dropout(b.max_pool(b.activation(v, "relu"), (2, 2), (1, 1), "same"))


CHAINS: dict[str, tuple[tuple[int, ...], Callable[[NetworkBuilder, int], int]]] = {
    "dense": ((8,), _dense),
    "residual": ((4, 4, 4), _residual),
    "dropped": ((4, 4, 4), _dropped),
}


def _chain(kind: str, layers: int) -> tuple["_core.Network", ReferenceModel]:
    shape, block = CHAINS[kind]
    b, v = NetworkBuilder(shape), -1
    for _ in range(layers):
        v = block(b, v)
    if len(shape) > 1:
        v = b.flatten(v)
    b.dense(v, 3)
    network, reference = b.build()
    network.configure("sparse_categorical_crossentropy", True, ["accuracy"], sgd(0.1, 0.9))
    return network, reference


def _plan(kind: str, layers: int) -> None:
    network, _ = _chain(kind, layers)
    for mode in ("predict", "train"):
        network.memory(32, mode)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", CHAINS)
def test_time_is_linear(kind: str) -> None:
    """Twice the layers, about twice the time: the square would be four times."""

    def holds(least: list[float]) -> bool:
        short, long = least
        return long < 3 * short and long < 2

    least = least_seconds(lambda: _plan(kind, 500), lambda: _plan(kind, 1000), until=holds)
    assert holds(least), least


@pytest.mark.parametrize("kind", CHAINS)
def test_deep_networks_compute_right(kind: str) -> None:
    network, reference = _chain(kind, 60)
    x = np.random.default_rng(1).normal(size=(3, *CHAINS[kind][0])).astype(np.float32)
    np.testing.assert_allclose(network.predict(x), reference.predict(x), rtol=0, atol=2e-4)
