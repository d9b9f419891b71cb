"""Convolutions in bfloat16, of the class "fast": rounding, all three directions, refusals, training."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from support.conv_cases import CASES, ConvCase, chosen_algorithm
from support.nets import Float, NetworkBuilder, refusal, set_weights, sgd
from support.numerical import assert_within, bfloat16
from support.training import run

from cnnfast import _core

NAME = "blocked_bf16"
GRADIENTS = ("grad_x", "grad_kernel", "grad_bias")
PLAIN = ConvCase(3, (9, 10), 18, 34, 1, (3, 3), (1, 1), (1, 1), "valid", "channels_last")


@pytest.fixture(autouse=True)
def _fast(precision: Callable[[Any], None]) -> None:
    precision("fast")


@dataclass(frozen=True)
class RoundedCase(ConvCase):
    """A problem whose images, weights and gradients bfloat16 holds exactly."""

    @property
    def arrays(self) -> tuple[Float, Float, Float, Float]:
        """x, kernel, bias (zeros without one), grad_out."""
        x, kernel, bias, grad_out = super().arrays
        return bfloat16(x), bfloat16(kernel), bias, bfloat16(grad_out)

    def check(self) -> None:
        """Only float32 sums may be off."""
        x, _, _, grad_out = self.arrays
        network = self.network(NAME)
        (expected, grads), (bound, grad_bounds), (terms, grad_terms) = self.expected, self.bounds, self.terms
        assert_within(network.predict(x), expected, bound, terms, "output")
        grad_x, grad_weights = network.vjp(x, grad_out)
        got = [grad_x, *grad_weights]
        for parts in zip(got, grads, grad_bounds, grad_terms, GRADIENTS, strict=False):
            assert_within(*parts)


def rounded(case: ConvCase, **changes: Any) -> RoundedCase:
    """The same problem on rounded values."""
    return RoundedCase(**{**{f: getattr(case, f) for f in case.__dataclass_fields__}, **changes})


def taken(case: ConvCase) -> bool:
    ic, oc = case.ic // case.groups, case.oc // case.groups
    multiple = 2 if case.groups == 1 else 16
    return min(ic, oc) >= 16 and ic % multiple == oc % multiple == 0


def diagonal(count: int) -> "_core.Network":
    """A 1x1 convolution of sixteen channels that gives back its image, `count` pixels wide, rounded."""
    case = ConvCase(1, (1, count), 16, 16, 1, (1, 1), (1, 1), (1, 1), "valid", "channels_last", False)
    network = case.network(NAME)
    network.weights[0].assign(np.eye(16, dtype=np.float32)[None, None])
    return network


# Bits of float32 and of what it rounds to.
ROUNDING = [
    (0x3F800000, 0x3F800000),  # 1
    (0x3F808000, 0x3F800000),  # a tie: down to even
    (0x3F818000, 0x3F820000),  # a tie: up to even
    (0x3F808001, 0x3F810000),
    (0x3F817FFF, 0x3F810000),
    (0xBF808000, 0xBF800000),
    (0xBF808001, 0xBF810000),
    (0x3FFFFFFF, 0x40000000),  # carries into the exponent
    (0x00000000, 0x00000000),
    (0x00000001, 0x00000000),  # denormals are zero in a run
    (0x007F0000, 0x00000000),
    (0x00800000, 0x00800000),  # the smallest normal
    (0x7F7FFFFF, 0x7F800000),  # the largest finite is nearer to infinity
    (0x7F7F7FFF, 0x7F7F0000),
    (0x7F800000, 0x7F800000),
    (0xFF800000, 0xFF800000),
]


def test_rounding(bf16_isa: str) -> None:
    """Each value in a pixel of its own: an infinity makes its neighbours NaN."""
    bits = np.array(ROUNDING, np.uint32)
    x = np.zeros((1, 1, len(bits), 16), np.float32)
    pixels = np.arange(len(bits))
    channels = pixels % 16
    x[0, 0, pixels, channels] = bits[:, 0].view(np.float32)
    got = diagonal(len(bits)).predict(x)[0, 0, pixels, channels]
    np.testing.assert_array_equal(got + np.float32(0), bits[:, 1].view(np.float32))


@pytest.mark.parametrize("bits", [0x7FC00000, 0x7F800001, 0x7FFFFFFF, 0xFFFFFFFF])
def test_nan_stays_nan(bits: int, bf16_isa: str) -> None:
    x = np.zeros((1, 1, 3, 16), np.float32)
    x[0, 0, 1, 5] = np.uint32(bits).view(np.float32)
    got = diagonal(3).predict(x)
    assert np.isnan(got[0, 0, 1]).all()
    assert not got[0, 0, [0, 2]].any()


def test_random_bits_round_like_the_oracle(bf16_isa: str) -> None:
    rng = np.random.default_rng(0)
    x = np.exp2(rng.uniform(-60, 60, (1, 1, 500, 16))) * rng.choice([-1, 1], (1, 1, 500, 16))
    x = x.astype(np.float32)
    np.testing.assert_array_equal(diagonal(500).predict(x), bfloat16(x))


@pytest.mark.sweep([case for case in CASES if taken(case)])
def test_sweep(case: ConvCase, bf16_isa: str) -> None:
    rounded(case).check()


@pytest.mark.parametrize("batch", [1, 2, 3, 16, 17])
@pytest.mark.parametrize("channels", [(16, 16), (18, 46), (30, 80), (48, 62), (96, 34)])
def test_channels_and_batches(channels: tuple[int, int], batch: int, bf16_isa: str) -> None:
    rounded(PLAIN, batch=batch, ic=channels[0], oc=channels[1], image=(5, 6)).check()


@pytest.mark.parametrize("width", [*range(1, 18), 28, 29, 31])
def test_width_around_the_pixel_tile(width: int, bf16_isa: str) -> None:
    rounded(PLAIN, image=(3, width), batch=2, padding="same").check()


@pytest.mark.parametrize(
    "changes",
    [
        {"kernel": (9, 10)},  # one output
        {"image": (1, 1), "padding": "same"},  # mostly padding
        {"kernel": (1, 1), "strides": (3, 4)},  # skips most of the image
        {"kernel": (2, 2), "strides": (3, 3), "padding": "same"},  # a stride longer than the kernel
        {"kernel": (3, 3), "padding": ((4, 4), (4, 4))},  # outputs that see padding only
        {"ic": 64, "oc": 96, "groups": 2, "strides": (2, 2)},
        {"use_bias": False},
        {"image": (40, 41), "batch": 2},  # several tasks, and chunks of the gradient of the weights
        {"data_format": "channels_first"},
    ],
    ids=str,
)
def test_corners(changes: dict[str, Any], bf16_isa: str) -> None:
    rounded(PLAIN, **changes).check()


@pytest.mark.parametrize(
    "changes",
    [
        {"image": (13,), "kernel": (4,), "strides": (2,), "dilation": (1,)},
        {"image": (4, 5, 6), "kernel": (3, 2, 3), "strides": (1, 2, 1), "dilation": (1, 1, 2)},
        {"image": (4, 5, 6), "kernel": (1, 1, 1), "strides": (2, 1, 2), "dilation": (1, 1, 1)},
        {"transposed": True, "strides": (2, 2), "padding": "same", "batch": 4},
        {"transposed": True, "kernel": (1, 1), "strides": (3, 2)},
        {"transposed": True, "ic": 64, "oc": 32, "groups": 2, "use_bias": False},
    ],
    ids=str,
)
def test_other_ranks_and_transposed(changes: dict[str, Any], bf16_isa: str) -> None:
    rounded(PLAIN, **changes).check()


@pytest.mark.parametrize("kind", ["relu", "tanh"])
def test_adds_a_shortcut_and_activates(kind: str, bf16_isa: str) -> None:
    """In the epilogue, or in steps of their own: the same bits."""
    b = NetworkBuilder((9, 15, 34), 2)
    b.activation(b.add(b.conv(-1, 34, (3, 3), padding="same"), -1), kind)
    network, _ = b.build()
    network.force_algorithm("conv2d", NAME)
    x, grad_out = b.rng.normal(size=(2, 3, 9, 15, 34)).astype(np.float32)
    fused = network.predict(x), *network.vjp(x, grad_out)
    assert "add" not in {step["op"] for step in network.plan(3, "predict")}
    for name in ("fuse_add", "fuse_activation"):
        network.disable_pass(name)
    apart = network.predict(x), *network.vjp(x, grad_out)
    assert "add" in {step["op"] for step in network.plan(3, "predict")}
    for got, expected in zip([*fused[:2], *fused[2]], [*apart[:2], *apart[2]], strict=True):
        np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize(("kernel", "strides"), [((3, 3), (1, 1)), ((1, 1), (2, 2))])
def test_backward_adds_to_what_is_there(kernel: Any, strides: Any, bf16_isa: str) -> None:
    """Of two convolutions of one source the gradients are what each has alone, added up."""
    kernels = np.random.default_rng(0).normal(size=(2, *kernel, 32, 34)).astype(np.float32)
    grad_x = []
    for used in ([0], [1], [0, 1]):
        graph = _core.Graph()
        x = graph.input((9, 15, 32), "x")
        values = [
            graph.conv(x, 34, kernel, strides, "same", (1, 1), 1, False, "channels_last", f"conv_{i}")
            for i in used
        ]
        network = _core.Network(graph, graph.add(values, "sum") if len(used) > 1 else values[0])
        set_weights(network, [kernels[i] for i in used])
        network.force_algorithm("conv2d", NAME)
        given = np.ones((3, 9, 15, 32), np.float32)
        grad = np.random.default_rng(1).normal(size=network.predict(given).shape).astype(np.float32)
        grad_x.append(network.vjp(given, grad)[0])
    np.testing.assert_array_equal(grad_x[2], grad_x[0] + grad_x[1])


@pytest.mark.parametrize("kernel", [(1, 1), (3, 3)])
def test_unrounded_values(kernel: tuple[int, int], bf16_isa: str) -> None:
    """Two factors of relative error 2^-8 each."""
    case = replace(PLAIN, kernel=kernel)
    x, _, _, grad_out = case.arrays
    network = case.network(NAME)
    grad_x, grad_weights = network.vjp(x, grad_out)
    for got, ref, bound in zip(
        [network.predict(x), grad_x, *grad_weights],
        [case.expected[0], *case.expected[1]],
        [case.bounds[0], *case.bounds[1]],
        strict=True,
    ):
        error = np.abs(got - ref) / bound
        assert error.max() <= 1.01 * 2.0**-7
        assert error.max() > 1e-6  # it was rounded


def test_isas_agree() -> None:
    """On unrounded values too: all round alike, and only the order of float32 sums differs."""
    before, results = _core.get_isa(), []
    x, _, _, grad_out = PLAIN.arrays
    for name in _core.available_isas():
        _core.set_isa(name)
        network = PLAIN.network(NAME)
        grad_x, grad_weights = network.vjp(x, grad_out)
        results.append([network.predict(x), grad_x, *grad_weights])
    _core.set_isa(before)
    bounds = [PLAIN.bounds[0], *PLAIN.bounds[1]]
    for other in results[1:]:
        for a, b, bound in zip(results[0], other, bounds, strict=True):
            assert_within(a, b, bound, 30)


def test_only_fast_allows_it(precision: Callable[[Any], None]) -> None:
    network = PLAIN.network(NAME)
    for name in ("exact", "default"):
        precision(name)
        with pytest.raises(ValueError, match=NAME) as info:
            network.plan(2, "predict")
        refusal(info.value, NAME, "fast")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ic": 17}, ["even", "17"]),
        ({"oc": 14}, ["16", "14"]),
        ({"ic": 36, "oc": 36, "groups": 2}, ["multiple of 16", "18"]),
    ],
    ids=str,
)
def test_refusals(changes: dict[str, Any], words: list[str]) -> None:
    network = replace(PLAIN, **changes).network(NAME)
    with pytest.raises(ValueError, match=NAME) as info:
        network.plan(2, "predict")
    refusal(info.value, "conv2d", *words)


def test_plan_takes_it_where_it_pays(bf16_isa: str) -> None:
    """Strided and 1x1 where one instruction takes a pair; 3x3 of stride 1 stays Winograd in float32."""
    big = replace(PLAIN, image=(14, 14), ic=64, oc=64)
    for changes in ({"kernel": (1, 1), "ic": 256, "oc": 256}, {"strides": (2, 2)}):
        chosen = chosen_algorithm(replace(big, **changes).network(), 8)
        assert (chosen == NAME) == (bf16_isa == "avx512_bf16")
    assert chosen_algorithm(replace(big, padding="same").network(), 8).startswith("winograd")


def test_threads_do_not_change_the_bits(threads: Callable[[int], None], bf16_isa: str) -> None:
    results = []
    for count in (1, 2, 5):
        threads(count)
        results.append(run(NAME, 10))
    assert np.isfinite(results[0]["losses"]).all()
    assert results[0] == results[1] == results[2]


def test_small_updates_accumulate() -> None:
    """Parameters stay float32: steps far below half a unit of bfloat16 move them all the same."""
    b = NetworkBuilder((4, 4, 16), 7)
    b.dense(b.flatten(b.conv(-1, 16, (3, 3))), 3)
    network, _ = b.build()
    network.force_algorithm("conv2d", NAME)
    network.configure("sparse_categorical_crossentropy", True, [], sgd(1e-5))
    x, y = b.rng.normal(size=(8, 4, 4, 16)).astype(np.float32), (np.arange(8) % 3).astype(np.int32)
    start = np.array(network.weights[0].numpy())
    network.train_step(x, y)
    once = np.array(network.weights[0].numpy())
    assert (once != start).mean() > 0.5
    assert (bfloat16(once) == bfloat16(start)).mean() > 0.99
    for _ in range(99):
        network.train_step(x, y)
    moved, first = np.array(network.weights[0].numpy()) - start, once - start
    large = np.abs(first) > 1e-7
    np.testing.assert_allclose(moved[large] / first[large], 100, rtol=0.2)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_training_reaches_the_same_accuracy(seed: int, precision: Callable[[Any], None]) -> None:
    """A task that float32 solves to some 90 % is solved as well with bfloat16 products."""
    rng = np.random.default_rng(seed)
    patterns, labels = rng.normal(size=(10, 8, 8, 16)), rng.integers(0, 10, 1200)
    x = (patterns[labels] * 0.3 + rng.normal(size=(1200, 8, 8, 16))).astype(np.float32)
    y = labels.astype(np.int32)
    accuracy = {}
    for name, algorithm in (("default", "blocked"), ("fast", NAME)):
        precision(name)
        b = NetworkBuilder((8, 8, 16), seed)
        v = b.activation(b.conv(-1, 32, (3, 3), (2, 2), "same"), "relu")
        b.dense(b.flatten(b.activation(b.conv(v, 32, (1, 1)), "relu")), 10)
        network, _ = b.build()
        network.force_algorithm("conv2d", algorithm)
        network.configure("sparse_categorical_crossentropy", True, [], sgd(0.005, 0.9))
        for step in range(90):
            at = np.arange(step * 50, step * 50 + 50) % 900
            network.train_step(x, y, at.astype(np.int64))
        accuracy[name] = (network.predict(x[900:]).argmax(-1) == y[900:]).mean()
    assert accuracy["default"] > 0.7
    assert abs(accuracy["fast"] - accuracy["default"]) < 0.03


@pytest.mark.parametrize("strides", [(1, 1), (2, 2)])
@pytest.mark.parametrize("activation", [None, "relu", "tanh"])
@pytest.mark.parametrize("image", [(9, 13), (20, 70)])
def test_depthwise_that_writes_bfloat16(
    image: tuple[int, int], activation: Any, strides: Any, bf16_isa: str
) -> None:
    """What only convolutions over bfloat16 read is rounded where it is made: the bits are those of a step."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, *image, 16)).astype(np.float32)
    plans, outputs = [], []
    for has_other_reader in (False, True):
        graph = _core.Graph()
        window = (1, 1), "same", (1, 1)
        value = graph.input((*image, 16), "x")
        value = graph.conv(value, 32, (1, 1), *window, 1, True, "channels_last", "wide")
        value = graph.conv(value, 32, (3, 3), strides, "same", (1, 1), 32, True, "channels_last", "depthwise")
        if activation is not None:
            value = graph.activation(value, activation, "act")
        made = [graph.conv(value, 48, (1, 1), *window, 1, True, "channels_last", "narrow")]
        if has_other_reader:
            made.append(graph.max_pool(value, (2, 2), (2, 2), "valid", False, "channels_last", "other"))
        network = _core.Network(graph, made if has_other_reader else made[0])
        weights = np.random.default_rng(1)
        set_weights(network, [weights.normal(size=weight.shape) for weight in network.weights])
        plans.append(network.plan(2, "predict"))
        outputs.append(network.predict([x])[0])
    np.testing.assert_array_equal(outputs[0], outputs[1])
    rounds = [sum(step["direction"] == "round" for step in plan) for plan in plans]
    by_bf16 = [step["name"] for step in plans[0] if step["algorithm"] == "blocked_bf16"]
    if "narrow" in by_bf16 and activation != "tanh":
        assert rounds[0] == rounds[1] - 1
