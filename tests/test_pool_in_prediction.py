"""Convolutions that take a following pooling in prediction alone: means, and what pixels in lanes make."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import pytest
from reference import pool as reference
from reference.dense import activation
from support.conv_cases import ConvCase, allowed
from support.nets import Float, set_weights
from support.numerical import assert_within

from cnnfast import _core

Pool = Literal["max_pool", "average_pool"]
POOLS: list[Pool] = ["max_pool", "average_pool"]
ALGORITHMS = ["blocked", "pixels"]

PLAIN = ConvCase(2, (8, 10), 3, 6, 1, (3, 3), (1, 1), (1, 1), "same", "channels_last")
# Around a tile, which makes 2, 4 or 8 pixels of a row; of odd sizes a row or column is left out.
WIDTHS = [2, 3, 4, 5, 6, 7, 8, 9, 10, 14, 15, 16, 17, 18, 28, 32, 33, 34]
CHANGES: list[dict[str, Any]] = [
    *({"image": (2 + width % 3, width)} for width in WIDTHS),
    *({"oc": oc} for oc in (1, 5, 7, 12, 15, 16, 17, 30, 33)),
    {"batch": 1, "image": (32, 32), "ic": 1, "kernel": (5, 5), "padding": "valid"},  # LeNet-5's first
    {"image": (70, 66), "oc": 16, "kernel": (5, 5), "data_format": "channels_first"},  # several tasks
    {"padding": ((0, 2), (3, 1)), "dilation": (2, 3), "use_bias": False},
    {"strides": (2, 1), "image": (11, 9)},
    {"ic": 17, "data_format": "channels_first"},
]


def pooled_network(
    case: ConvCase, algorithm: str, pool: Pool, kind: Any = "linear", behind: Any = "linear"
) -> "_core.Network":
    """Convolution, activation, pooling, and another activation behind it."""
    graph = _core.Graph()
    value = graph.conv(
        graph.input(case.shape, "input"),
        *(case.oc, case.kernel, case.strides, case.padding, case.dilation, case.groups, case.use_bias),
        *(case.data_format, "conv2d"),
    )
    window = value, (2, 2), (2, 2), "valid", False
    if kind != "linear":
        window = graph.activation(value, kind, "activation"), *window[1:]
    if pool == "max_pool":
        value = graph.max_pool(*window, case.data_format, "pool")
    else:
        value = graph.average_pool(*window, False, case.data_format, "pool")
    if behind != "linear":
        value = graph.activation(value, behind, "behind")
    network = _core.Network(graph, value)
    set_weights(network, list(case.arrays[1 : 3 if case.use_bias else 2]))
    network.force_algorithm("conv2d", algorithm)
    return network


def pools(network: "_core.Network", batch: int, mode: Any = "predict") -> bool:
    """Whether there is a pooling of its own."""
    return any(step["op"] == "pool" for step in network.plan(batch, mode))


def check(case: ConvCase, algorithm: str, pool: Pool, kind: Any) -> Float:
    network = pooled_network(case, algorithm, pool, kind)
    assert not pools(network, case.batch)
    out = network.predict(case.arrays[0])
    window: dict[str, Any] = {"pool_size": (2, 2), "data_format": case.data_format}
    full, bound = case.expected[0], case.bounds[0]
    if kind != "linear":
        full = activation(kind, full)
    if kind == "tanh":
        bound = bound + 1  # its own error
    pooled = getattr(reference, pool)(full, **window)
    most = reference.max_pool(bound, **window)
    assert_within(out, pooled, *allowed(algorithm, most, case.terms[0] + 4), "output")
    return out


@pytest.mark.parametrize("changes", CHANGES, ids=str)
@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_values(algorithm: str, pool: Pool, changes: dict[str, Any], isa: str) -> None:
    check(replace(PLAIN, **changes), algorithm, pool, "linear")


@pytest.mark.parametrize("kind", ["relu", "tanh"])
@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_activation(algorithm: str, pool: Pool, kind: str, isa: str) -> None:
    """The mean is of what is activated, which an activation of the mean is not."""
    check(PLAIN, algorithm, pool, kind)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_maxima_have_the_bits_of_separate_ones(algorithm: str, isa: str) -> None:
    """NaN among them, which beats all."""
    x = PLAIN.arrays[0].copy()
    x[0, 1, 2, 0] = x[1, 5, 5, 1] = np.nan
    network = pooled_network(PLAIN, algorithm, "max_pool", "tanh")
    fused = network.predict(x)
    network.disable_pass("fuse_pool")
    assert pools(network, 2)
    np.testing.assert_array_equal(fused, network.predict(x))
    assert 0 < np.isnan(fused).sum() < fused.size / 2


@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_threads(algorithm: str, pool: Pool, threads: Callable[[int], None], isa: str) -> None:
    case = replace(PLAIN, image=(70, 66), oc=20, kernel=(5, 5))
    bits = set()
    for count in (1, 2, 5):
        threads(count)
        bits.add(pooled_network(case, algorithm, pool, "tanh").predict(case.arrays[0]).tobytes())
    assert len(bits) == 1


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_an_activation_behind_a_mean_stays_there(algorithm: str, isa: str) -> None:
    network = pooled_network(PLAIN, algorithm, "average_pool", behind="relu")
    assert pools(network, 2)
    full = reference.average_pool(PLAIN.expected[0], (2, 2))
    bound = reference.max_pool(PLAIN.bounds[0], (2, 2))
    out = network.predict(PLAIN.arrays[0])
    assert_within(out, np.maximum(full, 0), *allowed(algorithm, bound, PLAIN.terms[0] + 4))


@pytest.mark.parametrize(
    ("algorithm", "pool", "fused"),
    [
        ("blocked", "max_pool", True),
        ("blocked", "average_pool", False),
        ("pixels", "max_pool", False),
        ("pixels", "average_pool", False),
        ("lanes", "average_pool", False),
        ("winograd", "average_pool", False),
    ],
)
def test_gradients(algorithm: str, pool: Pool, fused: bool) -> None:
    """They ask for what a fused pooling does not leave, unless it notes winners down."""
    case = replace(PLAIN, padding="valid", ic=16, oc=16)
    network = pooled_network(case, algorithm, pool, "tanh")
    assert pools(network, 2, "vjp") != fused
    if algorithm in ALGORITHMS:
        assert not pools(network, 2)
        out = network.predict(case.arrays[0])
        network.disable_pass("fuse_pool")
        np.testing.assert_allclose(network.predict(case.arrays[0]), out, rtol=1e-5, atol=1e-6)
