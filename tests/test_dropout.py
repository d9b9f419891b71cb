"""Dropout: the generator's known answers, the mask told from seed, step, layer and sample, the scale."""

from typing import Any

import numpy as np
import pytest
from reference.philox import dropout_mask, philox
from support.nets import set_weights, sgd, single

from cnnfast import _core

KNOWN = [
    ((0, 0, 0, 0), 0, (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((2**32 - 1,) * 4, 2**64 - 1, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        0x299F31D0A4093822,
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


@pytest.mark.parametrize(("counter", "key", "words"), KNOWN)
def test_known_answers(counter: tuple[int, int, int, int], key: int, words: tuple[int, ...]) -> None:
    assert _core.philox(counter, key) == words


def test_random_counters() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        counter = tuple(int(w) for w in rng.integers(0, 2**32, 4))
        key = int(rng.integers(0, 2**63)) * 2 + 1
        assert _core.philox(counter, key) == philox(counter, key)


def _dense_dropout(width: int, rate: float) -> Any:
    return single((width,), lambda graph, src: graph.dropout(src, rate, "dropout"))


def _image_dropout(channels: int, algorithm: str | None, data_format: Any = "channels_last") -> Any:
    """A 1x1 convolution that copies its input, then dropout: the convolution decides the layout."""
    shape = (5, 3, channels) if data_format == "channels_last" else (channels, 5, 3)

    def add(graph: "_core.Graph", src: int) -> int:
        out = graph.conv(src, channels, (1, 1), (1, 1), "valid", (1, 1), 1, False, data_format, "conv2d")
        return graph.dropout(out, 0.4, "dropout")

    network = single(shape, add)
    set_weights(network, [np.eye(channels).reshape(1, 1, channels, channels)])
    if algorithm is not None:
        network.force_algorithm("conv2d", algorithm)
    return network


def _factors(network: Any, batch: int, shape: tuple[int, ...]) -> np.ndarray:
    """What dropout multiplies each element by in a training pass: its own gradient."""
    ones = np.ones((batch, *shape), np.float32)
    return network.vjp(ones, ones, training=True)[0]


def test_off_at_inference(isa: str) -> None:
    network = _dense_dropout(37, 0.5)
    x = np.random.default_rng(0).normal(size=(4, 37)).astype(np.float32)
    np.testing.assert_array_equal(network.predict(x), x)
    np.testing.assert_array_equal(network.vjp(x, x)[0], x)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_share_and_scale(rate: float, isa: str) -> None:
    """Dropped with the rate's probability, the rest scaled up so that the expectation stays."""
    network = _dense_dropout(500, rate)
    network.seed = 12345
    factors = _factors(network, 200, (500,))
    kept = factors != 0
    np.testing.assert_allclose(factors[kept], 1 / (1 - rate), rtol=1e-6)
    deviation = np.sqrt(rate * (1 - rate) / kept.size)
    assert abs(kept.mean() - (1 - rate)) < 4 * deviation
    # No row, no column and no neighbour tells of another.
    assert np.ptp(kept.mean(0)) < 12 * np.sqrt(rate * (1 - rate) / 200)
    both = (kept[:, 1:] & kept[:, :-1]).mean()
    assert abs(both - (1 - rate) ** 2) < 8 * deviation


def test_rate_zero_keeps_everything() -> None:
    assert (_factors(_dense_dropout(40, 0.0), 3, (40,)) == 1).all()


def test_seed_tells_the_mask(isa: str) -> None:
    network = _dense_dropout(100, 0.5)
    network.seed = 1
    first = _factors(network, 6, (100,))
    network.seed = 2
    second = _factors(network, 6, (100,))
    network.seed = 1
    assert (first != second).any()
    np.testing.assert_array_equal(_factors(network, 6, (100,)), first)


@pytest.mark.parametrize("channels", [1, 3, 16, 17])
def test_mask_is_philox_of_seed_step_layer_and_sample(channels: int, isa: str) -> None:
    network = _image_dropout(channels, None)
    network.seed = 0x123456789ABCDEF
    kept = _factors(network, 3, (5, 3, channels)) != 0
    masks = [dropout_mask((3, 5, 3, channels), 0.4, network.seed, network.step, layer) for layer in range(8)]
    assert sum(np.array_equal(kept, mask) for mask in masks) == 1


@pytest.mark.parametrize("channels", [3, 16, 17])
def test_mask_does_not_depend_on_the_layout(channels: int, isa: str) -> None:
    shape = (5, 3, channels)
    lanes = _factors(_image_dropout(channels, "lanes"), 17, shape)
    blocked = _factors(_image_dropout(channels, "blocked"), 17, shape)
    np.testing.assert_array_equal(lanes, blocked)
    first = _factors(_image_dropout(channels, None, "channels_first"), 17, (channels, 5, 3))
    np.testing.assert_array_equal(np.moveaxis(first, 1, -1), lanes)


def test_mask_does_not_depend_on_the_batch_size_or_instruction_set(isa: str) -> None:
    many, few = (_factors(_image_dropout(5, None), batch, (5, 3, 5)) for batch in (33, 4))
    np.testing.assert_array_equal(many[:4], few)
    assert (many[0] != many[1]).any(), "samples have masks of their own"


def test_mask_changes_with_the_step_and_the_layer(isa: str) -> None:
    def add(graph: "_core.Graph", src: int) -> int:
        return graph.dense(graph.dropout(src, 0.5, "dropout"), 1, False, "dense")

    network = single((200,), add)
    network.configure("mean_squared_error", False, [], sgd(0.0))
    set_weights(network, [np.ones((200, 1))])
    before = _factors_of_head(network)
    network.train_step(np.ones((1, 200), np.float32), np.zeros((1, 1), np.float32))
    after = _factors_of_head(network)
    assert network.step == 1
    assert (before != after).any()

    twice = single((200,), lambda g, src: g.dropout(g.dropout(src, 0.5, "one"), 0.5, "two"))
    share = (_factors(twice, 50, (200,)) != 0).mean()
    assert share == pytest.approx(0.25, abs=0.03), "two layers drop independently"


def _factors_of_head(network: Any) -> np.ndarray:
    return network.vjp(np.ones((1, 200), np.float32), np.ones((1, 1), np.float32), training=True)[0]


def test_forward_and_backward_use_the_same_mask(isa: str) -> None:
    """y = sum of dropped x with all weights 1: a step of rate 1 shows the mask that forward saw."""
    network = single((64,), lambda g, src: g.dense(g.dropout(src, 0.5, "dropout"), 1, False, "dense"))
    network.configure("mean_squared_error", False, [], sgd(1.0))
    set_weights(network, [np.ones((64, 1))])
    kept = network.vjp(np.ones((1, 64), np.float32), np.ones((1, 1), np.float32), training=True)[0].ravel()
    loss = network.train_step(np.ones((1, 64), np.float32), np.zeros((1, 1), np.float32))[0]
    assert loss == pytest.approx(float(kept.sum()) ** 2, rel=1e-5)
    np.testing.assert_allclose(
        1 - network.weights[0].numpy().ravel(), 2 * kept.sum() * kept, rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize("rate", [-0.1, 1.0, 1.5, float("nan")])
def test_bad_rate(rate: float) -> None:
    with pytest.raises(ValueError, match="rate"):
        _dense_dropout(4, rate)
