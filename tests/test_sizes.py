"""Sizes out of all proportion: refused in a sentence when described, or computed right."""

import math
import random
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from reference.model import ReferenceModel
from support.machine import resident_bytes
from support.nets import NetworkBuilder, refusal

from cnnfast import Input, Model, layers

LIMIT = 2**28
CASES = 3000  # most of them are refused, in a fraction of a millisecond
SMALL, EXTREME = (
    [1, 1, 2, 3, 4, 7],
    [
        0,
        -1,
        2**7,
        2**14 - 1,
        2**15,
        2**16 + 1,
        2**20,
        2**24 - 1,
        2**24,
        LIMIT - 1,
        LIMIT,
        LIMIT + 1,
        2**29,
        2**30,
        2**31 - 1,
        2**31,
        2**32,
        2**32 + 1,
        2**63 - 1,
        2**64 + 1,
    ],
)


@pytest.mark.parametrize(
    ("describe", "words"),
    [
        (
            lambda: layers.Conv1D(1, 1, padding=((2**31 - 1, 2**31 - 1),))(Input((3, 1))),
            ["padding", "2147483647"],
        ),
        (lambda: layers.Conv1D(1, 1, padding=2**29)(Input((3, 1))), ["padding", "536870912"]),
        (lambda: layers.Conv2D(1, 1, padding=2**30)(Input((3, 3, 1))), ["padding", "1073741824"]),
        (lambda: layers.Conv1D(1, 1, padding=2**27)(Input((3, 1))), ["input with its padding", "268435459"]),
        (lambda: layers.Conv1D(1, 3, padding="same", dilation_rate=2**27)(Input((3, 1))), ["padding"]),
        (
            lambda: layers.Conv2DTranspose(1, 1, strides=2**24 - 1)(Input((4, 4, 1))),
            ["elements", str((4 * (2**24 - 1)) ** 2)],
        ),
        (
            lambda: layers.Conv1DTranspose(1, 1, strides=2**28)(Input((4, 1))),
            ["output before its padding", "805306369"],
        ),
        (lambda: layers.Conv2D(2**20, 1)(Input((1000, 1000, 1))), ["elements", "1048576000000"]),
        (lambda: layers.Dense(2**28)(Input((2**28,))), ["weights", str(2**56 + 2**28)]),
        (lambda: layers.Conv3D(1, 2**21)(Input((2**21, 2**21, 2**21, 1))), ["elements", "more than 2^63"]),
        (lambda: layers.Flatten()(Input((LIMIT + 1, 1))), ["elements", "268435457"]),
        (lambda: layers.Conv2D(1, 2**11, padding="same")(Input((2**11, 2**11, 1))), ["kernel", "2048"]),
        (lambda: layers.Conv2D(2**24, (5, 5))(Input((5, 5, 3))), ["kernel", "channels"]),
    ],
)
def test_refused_in_a_sentence(describe: Callable[[], Any], words: list[str]) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        describe()
    refusal(caught.value, *words)


@pytest.mark.parametrize("kind", ["forward", "training"])
def test_long_strides_take_no_time(kind: str) -> None:
    """A stride of a million leaves a million outputs unread, and few parts."""
    x = Input((3, 1))
    layer = layers.Conv1DTranspose(2, 2, strides=2**20, use_bias=False)
    start = time.perf_counter()
    model = Model(x, layer(x))
    kernel = np.array([[[1], [2]], [[3], [4]]], np.float32)
    layer.set_weights([kernel])
    values = np.array([[5], [6], [7]], np.float32)
    if kind == "training":
        grad = np.zeros((1, 3 * 2**20, 2), np.float32)
        grad[0, 2**20 + 1] = 1, 10
        grad_x = model.network.vjp(values[None], grad)[0]
        assert grad_x.ravel().tolist() == [0, 43, 0]
    else:
        out = model.predict(values[None], verbose=0)[0]
        expected = np.zeros((3 * 2**20, 2), np.float32)
        for i, value in enumerate((5, 6, 7)):
            expected[i * 2**20], expected[i * 2**20 + 1] = (value, 2 * value), (3 * value, 4 * value)
        np.testing.assert_array_equal(out, expected)
    assert time.perf_counter() - start < 5


@pytest.mark.parametrize("strides", [40, (40, 3), (3, 40)])
@pytest.mark.parametrize("transposed", [False, True])
def test_strides_beyond_the_image(strides: Any, transposed: bool) -> None:
    """Both directions against the oracle, where most of the image is unread."""
    b = NetworkBuilder((5, 9, 18))
    steps = (strides, strides) if isinstance(strides, int) else strides
    v = b.conv(-1, 16, (3, 2), steps, ((2, 2), (1, 1)) if not transposed else "valid", transposed)
    b.activation(v, "tanh")
    network, reference = b.build()
    x = b.rng.normal(size=(2, 5, 9, 18)).astype(np.float32)
    check_against(network, reference, x, b.rng)


def check_against(network: Any, reference: ReferenceModel, x: np.ndarray, rng: np.random.Generator) -> None:
    expected = reference.predict(x)
    np.testing.assert_allclose(network.predict(x), expected, rtol=0, atol=1e-5 * np.abs(expected).max())
    grad = rng.normal(size=expected.shape).astype(np.float32)
    grad_x, grads = network.vjp(x, grad)
    expected_x, expected_grads = reference.vjp(x, grad)
    for got, ref in zip([grad_x, *grads], [expected_x, *expected_grads], strict=True):
        np.testing.assert_allclose(got, ref, rtol=0, atol=1e-5 * max(1e-3, float(np.abs(ref).max())))


# ---- any number in any place -------------------------------------------------------------------------------


class Numbers:
    """Numbers for the arguments of layers, and what came of them."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.wild = self.random.choice([0, 0.05, 0.3])  # share of the extreme ones

    def one(self, least: int = 1) -> int:
        pool = EXTREME if self.random.random() < self.wild else SMALL
        value = self.random.choice(pool)
        return value if value <= 0 and self.random.random() < 0.2 else max(value, least)

    def axes(self, rank: int, least: int = 1) -> tuple[int, ...]:
        return tuple(self.one(least) for _ in range(rank))

    def padding(self, rank: int) -> Any:
        kind = self.random.choice(["valid", "same", "explicit"])
        sides = tuple((self.one(0) - 1, self.one(0) - 1) for _ in range(rank))
        return sides if kind == "explicit" else kind

    def shape(self, rank: int) -> tuple[int, ...]:
        return (*tuple(abs(self.one()) + self.random.randrange(6) for _ in range(rank)), self.one())


def window_size(size: int, kernel: int, stride: int, dilation: int, padding: Any, ceil_mode: bool) -> int:
    """Outputs along one axis, in whole numbers of any length; 0 where there are none."""
    reach = (kernel - 1) * dilation + 1
    if padding == "same":
        return -(-size // stride)
    before, after = (0, 0) if padding == "valid" else padding
    room = size + before + after - reach
    if room < 0:
        return int(ceil_mode)
    out = room // stride + 1
    return out + (ceil_mode and room % stride != 0 and out * stride < size + before)


def transposed_size(size: int, kernel: int, stride: int, padding: Any, extra: int | None) -> int:
    whole = (size - 1) * stride + kernel
    if padding == "same":
        return (size - 1) * stride + (stride if extra is None else kernel % 2 + extra)
    if padding == "valid":
        return whole + (max(0, stride - kernel) if extra is None else extra)
    return whole - sum(padding) + (extra or 0)


def random_layer(
    numbers: Numbers,
) -> tuple[Callable[[], Any], tuple[int, ...], Callable[[], tuple[int, ...]]]:
    """How to make a layer, its input's shape, and how to tell its output's shape."""
    kind = numbers.random.choice(["conv", "transpose", "depthwise", "separable", "pool", "dense", "flatten"])
    rank = numbers.random.choice([1, 2, 3] if kind in ("conv", "transpose") else [1, 2])
    shape, kernel, strides = numbers.shape(rank), numbers.axes(rank), numbers.axes(rank)
    padding, dilation = numbers.padding(rank), numbers.axes(rank)
    ceil_mode, count = numbers.random.random() < 0.5, numbers.one()
    sides = [padding if isinstance(padding, str) else padding[i] for i in range(rank)]

    def sizes(each: Callable[[int], int]) -> tuple[int, ...]:
        return tuple(each(i) for i in range(rank))

    def slid(dilation: tuple[int, ...], ceil_mode: bool = False) -> tuple[int, ...]:
        return sizes(lambda i: window_size(shape[i], kernel[i], strides[i], dilation[i], sides[i], ceil_mode))

    once = (1,) * rank
    if kind == "dense":
        return lambda: layers.Dense(count), (abs(numbers.one()) or 1,), lambda: (count,)
    if kind == "flatten":
        return layers.Flatten, shape, lambda: (math.prod(shape),)
    if kind == "pool":
        name = numbers.random.choice(["Max", "Average"])
        cls = getattr(layers, f"{name}Pooling{rank}D")
        return (
            lambda: cls(kernel, strides, padding, ceil_mode=ceil_mode),
            shape,
            lambda: (*slid(once, ceil_mode), shape[-1]),
        )
    if kind == "transpose":
        cls = getattr(layers, f"Conv{rank}DTranspose")
        extra = numbers.axes(rank, 0) if numbers.random.random() < 0.3 else None
        return (
            lambda: cls(count, kernel, strides, padding, extra),
            shape,
            lambda: (
                *sizes(
                    lambda i: transposed_size(
                        shape[i], kernel[i], strides[i], sides[i], extra[i] if extra else None
                    )
                ),
                count,
            ),
        )
    if kind == "conv":
        cls = getattr(layers, f"Conv{rank}D")
        return (
            lambda: cls(count, kernel, strides, padding, dilation_rate=dilation),
            shape,
            lambda: (*slid(dilation), count),
        )
    if kind == "depthwise":
        cls = getattr(layers, f"DepthwiseConv{rank}D")
        return (
            lambda: cls(kernel, strides, padding, count, dilation_rate=dilation),
            shape,
            lambda: (*slid(dilation), shape[-1] * count),
        )
    cls = getattr(layers, f"SeparableConv{rank}D")
    return (
        lambda: cls(count, kernel, strides, padding, dilation_rate=dilation),
        shape,
        lambda: (*slid(dilation), count),
    )


def try_layer(seed: int) -> str:
    """What became of one random layer: "refused", "described", "planned" or "run"."""
    numbers = Numbers(seed)
    make, shape, expected = random_layer(numbers)
    try:
        x = Input(shape)
        layer = make()
        y = layer(x)
    except ValueError as error:
        refusal(error)
        return "refused"
    assert y.shape[1:] == expected(), f"seed {seed}: {layer.get_config()} of {shape}"
    if layer.count_params() > 2**20:
        return "described"
    model = Model(x, y)
    for training in (False, True):
        try:
            needed = model.network.memory(2, "vjp" if training else "predict")
        except ValueError as error:
            refusal(error)
            return "described"
        assert needed >= 2 * math.prod(y.shape[1:]) * 4
    work = sum(node.multiply_adds for node in model.blueprint.nodes)
    if needed > 2**24 or work > 2**22 or math.prod(shape) > 2**20:
        return "planned"
    data = np.random.default_rng(seed).normal(size=(2, *shape)).astype(np.float32)
    out = model.predict(data, verbose=0)
    assert out.shape == (2, *expected())
    assert np.isfinite(out).all()
    model.network.vjp(data, np.ones_like(out))
    return "run"


def test_any_number_in_any_place() -> None:
    before, outcomes = resident_bytes(), []
    for seed in range(CASES):
        start = time.perf_counter()
        outcomes.append(try_layer(seed))
        assert time.perf_counter() - start < 5, f"seed {seed} took too long"
    assert resident_bytes() - before < 2**29
    counts = {kind: outcomes.count(kind) for kind in ("refused", "described", "planned", "run")}
    assert min(counts["refused"], counts["run"]) > CASES / 10, counts
    assert counts["planned"] > 0, counts


def test_batches_out_of_proportion() -> None:
    x = Input((2**20, 1))
    model = Model(x, layers.ReLU()(x))
    with pytest.raises(ValueError, match="samples in a batch is 16777217; the limit is 16777216"):
        model.memory(2**24 + 1, training=False)
    with pytest.raises(ValueError, match="the limit is 1099511627776"):
        model.memory(2**24, training=False)
