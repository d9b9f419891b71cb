"""Values whose format no layer has decided, an input and what passes it on: they fit wherever they go."""

import random
from collections.abc import Callable

import numpy as np
import pytest
from reference.model import ReferenceModel
from support.nets import NetworkBuilder, refusal

from cnnfast import Input, Model, _core, layers

FORMATS = ["channels_last", "channels_first"]
SHAPE = (6, 4, 5)  # either way round it is an image
PASS_ON: dict[str, Callable[[NetworkBuilder, int], int]] = {
    "input": lambda b, v: v,
    "relu": lambda b, v: b.activation(v, "relu"),
    "linear": lambda b, v: b.activation(v, "linear"),
    "softmax": lambda b, v: b.activation(v, "softmax"),
    "dropout": lambda b, v: b.dropout(v),
    "add": lambda b, v: b.add(v, v),
    "chain": lambda b, v: b.add(b.dropout(b.activation(v, "tanh")), b.activation(b.add(v, v), "sigmoid")),
}


def _decide(b: NetworkBuilder, v: int, kind: str) -> int:
    """A value of the same shape by a layer that has a format."""
    if kind == "conv":
        return b.conv(v, SHAPE[-1 if b.format == "channels_last" else 0], (3, 3), padding="same")
    return (b.max_pool if kind == "max_pool" else b.average_pool)(v, (2, 2), (1, 1), "same")


def _check(network: "_core.Network", reference: ReferenceModel, x: np.ndarray) -> None:
    expected = reference.predict(x)
    scale = 1e-5 * max(1.0, float(np.abs(expected).max()))
    np.testing.assert_allclose(network.predict(x), expected, rtol=0, atol=scale)
    grad_out = np.random.default_rng(5).normal(size=expected.shape).astype(np.float32)
    grad_x, grads = network.vjp(x, grad_out)
    expected_x, expected_grads = reference.vjp(x, grad_out)
    for got, ref in zip([grad_x, *grads], [expected_x, *expected_grads], strict=True):
        np.testing.assert_allclose(got, ref, rtol=0, atol=1e-5 * max(1.0, float(np.abs(ref).max())))


def _batch(n: int = 3) -> np.ndarray:
    return np.random.default_rng(4).normal(size=(n, *SHAPE)).astype(np.float32)


@pytest.mark.parametrize("order", ["before", "after"])
@pytest.mark.parametrize("decider", ["conv", "max_pool", "average_pool"])
@pytest.mark.parametrize("passed", PASS_ON)
@pytest.mark.parametrize("data_format", FORMATS)
def test_sum_of_undecided_and_decided(data_format: str, passed: str, decider: str, order: str) -> None:
    """The sum has the decided one's format, wherever the undecided one stands."""
    b = NetworkBuilder(SHAPE, data_format=data_format)
    undecided, decided = PASS_ON[passed](b, -1), _decide(b, -1, decider)
    total = b.add(undecided, decided) if order == "before" else b.add(decided, undecided)
    b.flatten(_decide(b, total, "conv"))
    _check(*b.build(), _batch())


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize("reader", ["flatten", "conv", "max_pool", "average_pool", "nobody"])
@pytest.mark.parametrize("passed", PASS_ON)
def test_first_reader_decides(passed: str, reader: str, data_format: str) -> None:
    b = NetworkBuilder(SHAPE, data_format=data_format)
    v = PASS_ON[passed](b, PASS_ON["chain"](b, -1))
    if reader == "flatten":
        b.flatten(v)
    elif reader != "nobody":
        _decide(b, v, reader)
    _check(*b.build(), _batch())


def test_two_readers_of_two_formats() -> None:
    """One undecided value read either way: what each reads is as if it were alone."""
    b = NetworkBuilder(SHAPE)
    v = b.activation(b.add(-1, -1), "tanh")
    b.format = "channels_first"
    first = b.flatten(b.conv(v, 3, (2, 2)))
    b.format = "channels_last"
    last = b.flatten(b.conv(v, 3, (2, 2)))
    b.add(b.dense(first, 4), b.dense(last, 4), b.dense(b.flatten(v), 4))
    _check(*b.build(), _batch())


def test_conflict_found_late_names_both_layers() -> None:
    """Neither branch is wrong by itself; the sum says who made what."""
    x = Input(SHAPE)
    first = layers.Conv2D(6, 3, padding="same", data_format="channels_first", name="by_planes")(x)
    last = layers.MaxPooling2D(2, 1, "same", data_format="channels_last", name="by_pixels")(x)
    one = layers.Add()([layers.ReLU()(x), layers.Dropout(0.5)(first)])
    two = layers.Add()([layers.ReLU()(last), layers.Add()([x, x])])
    with pytest.raises(ValueError, match="one data_format") as caught:
        Model(x, layers.Add(name="sum")([one, two]))
    refusal(caught.value, "sum", "channels_first from by_planes", "channels_last from by_pixels")


def test_vectors_have_no_format() -> None:
    x = Input((5, 3))
    first = layers.Flatten()(layers.Conv1D(5, 1, data_format="channels_first")(x))
    last = layers.Flatten()(layers.Conv1D(3, 1, data_format="channels_last")(x))
    assert Model(x, layers.Add()([first, last])).predict(np.zeros((1, 5, 3)), verbose=0).shape == (1, 15)


def _random_network(seed: int) -> NetworkBuilder:
    """Layers that decide, in either format, and layers that pass on, over values of one shape."""
    choose = random.Random(seed)
    b = NetworkBuilder(SHAPE, seed)
    formats: dict[int, str | None] = {-1: None}

    def pick(*allowed: str | None) -> int:
        return choose.choice([v for v, known in formats.items() if not allowed or known in allowed])

    for _ in range(choose.randrange(3, 12)):
        kind = choose.choice(["conv", "max_pool", "average_pool", "relu", "tanh", "dropout", "add", "add"])
        b.format = choose.choice(FORMATS)
        if kind == "add":
            sources = [pick(None, b.format) for _ in range(choose.randrange(2, 4))]
            known = [formats[v] for v in sources if formats[v]]
            formats[b.add(*sources)] = known[0] if known else None
        elif kind in ("conv", "max_pool", "average_pool"):
            formats[_decide(b, pick(), kind)] = b.format
        else:
            src = pick()
            made = b.dropout(src) if kind == "dropout" else b.activation(src, kind)
            formats[made] = formats[src]
    if choose.random() < 0.5:
        b.format = choose.choice(FORMATS)
        b.flatten(pick())
    return b


@pytest.mark.parametrize("start", range(0, 200, 20))
def test_random_networks(start: int) -> None:
    for seed in range(start, start + 20):
        network, reference = _random_network(seed).build()
        for switched_off in [None, *_core.PASSES]:
            if switched_off is not None:
                network.disable_pass(switched_off)
            if switched_off is None or seed % 5 == 0:
                _check(network, reference, _batch(2 if seed % 3 else 17))
            if switched_off is not None:
                network.disable_pass(switched_off, False)


def test_training_goes_through() -> None:
    """A model whose shortcut hangs on the input trains, in either format."""
    for data_format in FORMATS:
        x = Input(SHAPE)
        channels = SHAPE[0 if data_format == "channels_first" else -1]
        conv = layers.Conv2D(channels, 3, padding="same", data_format=data_format)(x)
        total = layers.Add()([layers.Dropout(0.1)(layers.ReLU()(x)), conv])
        model = Model(x, layers.Dense(2, "softmax")(layers.Flatten(data_format)(total)))
        model.compile("adam", "sparse_categorical_crossentropy")
        data = _batch(32)
        labels = (data.mean((1, 2, 3)) > 0).astype(np.int32)
        history = model.fit(data, labels, epochs=30, batch_size=16, verbose=0)
        assert history.history["loss"][-1] < 0.5 * history.history["loss"][0]
