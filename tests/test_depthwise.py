"""Depthwise and grouped convolution: kernels, gradients, the planner's choice, and the Python face."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from reference.conv import conv, conv_grad
from support.conv_cases import GRADIENTS, ConvCase, chosen_algorithm
from support.nets import refusal
from support.numerical import assert_within

import cnnfast
from cnnfast import Input, layers, ops

# (input channels, filters, groups): one channel a group with multipliers of 1, 2 and 3; groups of 2, 4 and 8;
# groups with more outputs than inputs, and with fewer.
DEPTHWISE = [(17, 17, 17), (32, 32, 32), (5, 10, 5), (33, 99, 33)]
GROUPED = [(18, 18, 9), (16, 16, 4), (20, 20, 5), (48, 48, 6)]
UNEQUAL = [(16, 32, 8), (20, 60, 10), (64, 32, 8), (40, 10, 5), (24, 6, 6)]
KERNELS = [(3, 3), (2, 3), (1, 1), (5, 5)]
STEPS = [((1, 1), (1, 1)), ((2, 2), (1, 1)), ((2, 1), (1, 1)), ((1, 1), (2, 2)), ((3, 2), (2, 1))]
PADDINGS: list[Any] = ["valid", "same", ((1, 1), (1, 1)), ((2, 1), (0, 2)), ((3, 4), (4, 3))]
PLAIN = ConvCase(2, (9, 10), 32, 32, 32, (3, 3), (1, 1), (1, 1), "same", "channels_last")

CASES = [
    ConvCase(batch, image, *channels, kernel, strides, dilation, padding, data_format)
    for channels, kernel, (strides, dilation), padding, (batch, image, data_format) in itertools.product(
        DEPTHWISE + GROUPED + UNEQUAL,
        KERNELS,
        STEPS,
        PADDINGS,
        [(1, (12, 9), "channels_first"), (3, (9, 10), "channels_last")],
    )
]


def algorithm_of(case: ConvCase) -> str:
    """By the channels of the convolution, of which a transposed one is the mirror image."""
    return "depthwise" if case.groups == (case.oc if case.transposed else case.ic) else "grouped"


def check(case: ConvCase) -> None:
    """Output and gradients are within the bounds of their arithmetic, with the algorithm forced."""
    network = case.network(algorithm_of(case))
    x, _, _, grad_out = case.arrays
    assert_within(network.predict(x), case.expected[0], case.bounds[0], case.terms[0], "output")
    grad_x, grad_weights = network.vjp(x, grad_out)
    for got, *parts in zip(
        (grad_x, *grad_weights), case.expected[1], case.bounds[1], case.terms[1], GRADIENTS, strict=True
    ):
        assert_within(got, *parts)


@pytest.mark.sweep(CASES)
def test_sweep(case: ConvCase, isa: str) -> None:
    check(case)


# Over one and three axes, and transposed: what is forward there is backward-data here.
OTHER_RANKS = [
    *((2, (13,), (3,), (1,), "same"), (2, (13,), (3,), (2,), ((2, 1),)), (1, (9,), (4,), (3,), "valid")),
    (2, (4, 5, 6), (3, 3, 3), (1, 1, 1), "same"),
    (1, (5, 4, 7), (2, 3, 3), (2, 1, 2), ((0, 1), (2, 1), (1, 1))),
    *((2, (7, 8), (3, 3), (1, 1), "same"), (1, (6, 5), (3, 3), (2, 2), "same")),
    (3, (6, 9), (4, 4), (2, 2), ((1, 1), (1, 1))),
]


@pytest.mark.parametrize(
    "channels", [(17, 17, 17), (5, 10, 5), (15, 5, 5), (20, 20, 5), (18, 36, 9)], ids=str
)
@pytest.mark.parametrize("shape", OTHER_RANKS, ids=str)
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("dilation", [1, 2])
def test_other_ranks(channels: Any, shape: Any, transposed: bool, dilation: int, isa: str) -> None:
    batch, image, kernel, strides, padding = shape
    dilations = (dilation if max(strides) == 1 else 1,) * len(image)
    check(
        ConvCase(
            *(batch, image, *channels, kernel, strides, dilations, padding, "channels_last"),
            transposed=transposed,
        )
    )


@pytest.mark.parametrize("strides", [(1, 1), (2, 2)])
@pytest.mark.parametrize("width", range(1, 18))
def test_width_around_the_tiles(width: int, strides: Any, isa: str) -> None:
    """Of the 3x3 kernel and of the general one, as columns and as rows."""
    for kernel, image in itertools.product([(3, 3), (3, 2)], [(4, width), (width, 5)]):
        check(replace(PLAIN, ic=5, oc=5, groups=5, image=image, kernel=kernel, strides=strides))


@pytest.mark.parametrize("strides", [(1, 1), (2, 2)])
@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("width", [63, 64, 65, 66, 67, 128, 129, 131])
def test_width_around_the_segments(width: int, padding: str, strides: Any, isa: str) -> None:
    """Columns that pass by in pieces, on both sides of the 3x3 kernel's."""
    check(replace(PLAIN, ic=5, oc=5, groups=5, image=(5, width), strides=strides, padding=padding))


@pytest.mark.parametrize("kernel", [(5, 5), (7, 7), (2, 7), (5, 3)], ids=str)
@pytest.mark.parametrize("strides", [(1, 1), (2, 2), (2, 1)], ids=str)
@pytest.mark.parametrize("image", [(5, 7), (7, 7), (8, 13), (9, 14), (15, 15), (40, 29), (3, 16)], ids=str)
@pytest.mark.parametrize("padding", ["same", ((3, 1), (0, 4))], ids=str)
def test_large_kernels(kernel: Any, strides: Any, image: Any, padding: Any, isa: str) -> None:
    """Rows between zeros, in one strip and in several; images smaller than the kernel have none."""
    check(
        replace(PLAIN, ic=17, oc=17, groups=17, kernel=kernel, image=image, strides=strides, padding=padding)
    )


@pytest.mark.parametrize("channels", [2, 15, 16, 17, 31, 33, 48])
@pytest.mark.parametrize("multiplier", [1, 2, 5])
def test_channels_around_the_block(channels: int, multiplier: int, isa: str) -> None:
    check(replace(PLAIN, ic=channels, oc=channels * multiplier, groups=channels, image=(5, 4)))


@pytest.mark.parametrize("group", [2, 4, 8])
@pytest.mark.parametrize("width", [1, 2, 3, 4, 5, 6, 7, 11, 13])
def test_groups_at_every_width(width: int, group: int, isa: str) -> None:
    check(replace(PLAIN, ic=5 * group, oc=5 * group, groups=5, image=(3, width)))


def test_resnext_is_grouped(isa: str) -> None:
    """32 groups of 4, as its first stage has them; left alone, the planner takes the same algorithm."""
    case = replace(PLAIN, batch=1, ic=128, oc=128, groups=32, image=(8, 8))
    assert chosen_algorithm(case.network(), case.batch) == "grouped"
    check(case)


@pytest.mark.parametrize("batch", [1, 16])
def test_depthwise_is_chosen(batch: int) -> None:
    for changes in ({}, {"strides": (2, 2)}, {"kernel": (5, 5)}):
        case = replace(PLAIN, batch=batch, image=(14, 14), **changes)
        assert chosen_algorithm(case.network(), case.batch) == "depthwise"


def test_integer_values_are_exact(isa: str) -> None:
    """Sums of small integers have no rounding error, so not one bit may differ."""
    rng = np.random.default_rng(0)
    for groups, channels in ((18, 18), (5, 20)):
        x = rng.integers(-3, 4, (3, 10, 9, channels)).astype(np.float32)
        kernel = rng.integers(-3, 4, (3, 3, channels // groups, channels)).astype(np.float32)
        got = ops.conv(x, kernel, padding="same", groups=groups)
        np.testing.assert_array_equal(got, conv(x, kernel, padding="same", groups=groups))


@pytest.mark.parametrize("case", [PLAIN, replace(PLAIN, groups=8), replace(PLAIN, oc=64)], ids=str)
def test_threads_do_not_change_the_bits(case: ConvCase, threads: Callable[[int], None], isa: str) -> None:
    case = replace(case, batch=9, image=(40, 40))  # planes of several tasks
    x, _, _, grad_out = case.arrays
    results = []
    for count in (1, 2, 5):
        threads(count)
        network = case.network(algorithm_of(case))
        grad_x, grads = network.vjp(x, grad_out)
        results.append([network.predict(x), grad_x, *grads])
    for other in results[1:]:
        for got, ref in zip(other, results[0], strict=True):
            np.testing.assert_array_equal(got, ref)


@pytest.mark.parametrize("groups", [32, 8])
def test_what_is_not_finite_stays_in_its_group_and_window(groups: int, isa: str) -> None:
    """Padding is not multiplied in: an infinity at the border does not become NaN, nor reach further."""
    case = replace(PLAIN, groups=groups)
    network = case.network(algorithm_of(case))
    x = case.arrays[0].copy()
    clean = network.predict(x)
    x[1, 0, 0, 5] = np.inf
    dirty = network.predict(x)
    assert not np.isnan(dirty).any()
    seen = np.zeros(clean.shape, bool)
    size = 32 // groups
    seen[1, :2, :2, 5 // size * size : (5 // size + 1) * size] = True
    np.testing.assert_array_equal(np.isinf(dirty), seen)
    np.testing.assert_array_equal(dirty[~seen], clean[~seen])


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid"])
@pytest.mark.parametrize(
    "changes", [{}, {"kernel": (2, 2)}, {"oc": 64}, {"groups": 8}, {"groups": 8, "oc": 16}], ids=str
)
def test_fused_activation(changes: dict[str, Any], activation: str, isa: str) -> None:
    case = replace(PLAIN, **changes)
    x, kernel, bias, _ = case.arrays
    arguments = {**case.geometry, "bias": bias}
    plain = ops.conv(x, kernel, **arguments)
    expected = getattr(ops, activation)(plain)
    got = ops.conv(x, kernel, **arguments, activation=activation)
    np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(
    ("algorithm", "changes", "words"),
    [
        ("depthwise", {"groups": 1}, ["groups", "input channels", "32"]),
        ("depthwise", {"groups": 16}, ["groups", "input channels", "16"]),
        ("grouped", {"groups": 1}, ["one group"]),
        ("grouped", {"groups": 32}, ["depthwise"]),
        ("grouped", {"ic": 24, "oc": 24, "groups": 8}, ["1, 2, 4 or 8", "3 and 3"]),
        ("grouped", {"ic": 16, "oc": 24, "groups": 4}, ["divide", "4 and 6"]),
    ],
    ids=str,
)
def test_refusals(algorithm: str, changes: dict[str, Any], words: list[str]) -> None:
    network = replace(PLAIN, **changes).network(algorithm)
    with pytest.raises(ValueError, match=algorithm) as info:
        network.plan(2, "predict")
    refusal(info.value, "conv2d", *words)


# ---- the Python face ----


def test_ops_depthwise_conv() -> None:
    case = replace(PLAIN, ic=6, oc=18, groups=6, strides=(2, 1), dilation=(1, 2))
    x, kernel, bias, grad_out = case.arrays
    shaped = kernel.reshape(3, 3, 6, 3)
    geometry = {key: value for key, value in case.geometry.items() if key != "groups"}
    got = ops.depthwise_conv(x, shaped, bias=bias, **geometry)
    assert_within(got, case.expected[0], case.bounds[0], case.terms[0])
    grads = ops.depthwise_conv_grad(x, shaped, grad_out, **geometry)
    assert grads[1].shape == shaped.shape
    flat = (grads[0], grads[1].reshape(kernel.shape), grads[2])
    expected = conv_grad(x, kernel, grad_out, **case.geometry)
    for parts in zip(flat, expected, case.bounds[1], case.terms[1], strict=True):
        assert_within(*parts)
    with pytest.raises(ValueError, match="channels, multiplier"):
        ops.depthwise_conv(x, shaped[0])
    with pytest.raises(ValueError, match="kernel must have shape"):
        ops.depthwise_conv(x[..., :5], shaped)


def test_layer_has_keras_shapes() -> None:
    """As documented: (n, h, w, c) to (n, oh, ow, c * multiplier), kernel (kh, kw, c, multiplier)."""
    layer = layers.DepthwiseConv2D(3, activation="relu", name="keras_example")
    assert layer(np.ones((4, 10, 10, 12), np.float32)).shape == (4, 8, 8, 12)
    assert layer.kernel.shape == (3, 3, 12, 1)
    assert layer.count_params() == 9 * 12 + 12
    same = layers.DepthwiseConv2D((3, 5), 2, "same", depth_multiplier=3, data_format="channels_first")
    assert same.compute_output_shape((None, 4, 9, 10)) == (None, 12, 5, 5)
    same.build((None, 4, 9, 10))
    assert same.kernel.shape == (3, 5, 4, 3)
    assert same.bias is not None
    assert same.bias.shape == (12,)


def test_layer_computes_its_formula() -> None:
    layer = layers.DepthwiseConv2D(2, depth_multiplier=2, bias_initializer="ones")
    x = np.random.default_rng(0).normal(size=(2, 5, 6, 3)).astype(np.float32)
    got, kernel = layer(x), layer.kernel.numpy()
    for channel, number in itertools.product(range(3), range(2)):
        one = kernel[:, :, channel, number][:, :, None, None]
        expected = conv(x[..., channel : channel + 1], one)[..., 0] + 1
        np.testing.assert_allclose(got[..., channel * 2 + number], expected, rtol=1e-5, atol=1e-6)


def test_layer_configuration_comes_back() -> None:
    layer = layers.DepthwiseConv2D(
        (3, 2), 2, ((0, 1), (2, 3)), 4, "channels_first", 1, "tanh", False, "he_normal",
        depthwise_regularizer="l2", depthwise_constraint="non_neg", name="config",
    )  # fmt: skip
    config = layer.get_config()
    assert config["depth_multiplier"] == 4
    assert not [key for key in config if key.startswith("kernel_") and key != "kernel_size"]
    assert layers.DepthwiseConv2D.from_config(config).get_config() == config


# Arguments, input, output, and numbers of weights: of each kernel and of the bias, as Keras counts them.
LAYERS: list[tuple[type[Any], dict[str, Any], Any, Any, list[int]]] = [
    (layers.DepthwiseConv2D, {"depth_multiplier": 2}, (8, 8, 3), (6, 6, 6), [9 * 3 * 2, 6]),
    (layers.DepthwiseConv2D, {"use_bias": False, "strides": 2}, (8, 9, 5), (3, 4, 5), [9 * 5]),
    (layers.DepthwiseConv1D, {"padding": "same", "strides": 2}, (9, 4), (5, 4), [3 * 4, 4]),
    (layers.DepthwiseConv1D, {"data_format": "channels_first"}, (4, 9), (4, 7), [3 * 4, 4]),
    (layers.SeparableConv2D, {"filters": 7}, (8, 9, 3), (6, 7, 7), [9 * 3, 3 * 7, 7]),
    (
        layers.SeparableConv2D,
        {"filters": 5, "depth_multiplier": 2, "use_bias": False, "pointwise_regularizer": "l2"},
        *((8, 9, 3), (6, 7, 5), [9 * 6, 6 * 5]),
    ),
    (layers.SeparableConv1D, {"filters": 4, "dilation_rate": 2}, (9, 3), (5, 4), [3 * 3, 3 * 4, 4]),
]


@pytest.mark.parametrize(("kind", "arguments", "shape", "out", "sizes"), LAYERS, ids=str)
def test_layer_in_a_model(
    kind: type[Any], arguments: Any, shape: Any, out: Any, sizes: list[int], tmp_path: Path
) -> None:
    """Shapes, numbers of weights, summary, configuration, training and files."""
    layer = kind(kernel_size=3, activation="relu", name="layer", **arguments)
    assert type(layer).from_config(layer.get_config()).get_config() == layer.get_config()
    cnnfast.set_random_seed(3)
    model = cnnfast.Sequential([Input(shape), layer, layers.Flatten(), layers.Dense(3)])
    assert layer.compute_output_shape((None, *shape)) == (None, *out)
    assert [weight.size for weight in layer.weights] == sizes
    lines: list[str] = []
    model.summary(print_fn=lines.append)
    row = next(line for line in "\n".join(lines).splitlines() if kind.__name__ in line)
    assert f"{sum(sizes):,}" in row
    model.compile("adam", "mse")
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(24, *shape)).astype(np.float32), rng.normal(size=(24, 3)).astype(np.float32)
    losses = model.fit(x, y, batch_size=8, epochs=30, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    model.save(tmp_path / "model.cnnfast")
    again = cnnfast.models.load_model(tmp_path / "model.cnnfast")
    np.testing.assert_array_equal(again.predict(x), model.predict(x))
    model.save_weights(tmp_path / "model.weights.safetensors")
    model.set_weights([np.zeros_like(weight) for weight in model.get_weights()])
    model.load_weights(tmp_path / "model.weights.safetensors")
    np.testing.assert_array_equal(again.predict(x), model.predict(x))


def test_separable_is_depthwise_then_pointwise() -> None:
    layer = layers.SeparableConv2D(7, 3, 2, "same", depth_multiplier=2, bias_initializer="ones")
    x = np.random.default_rng(0).normal(size=(2, 9, 8, 5)).astype(np.float32)
    got = layer(x)
    assert layer.depthwise_kernel.shape == (3, 3, 5, 2)
    assert layer.pointwise_kernel.shape == (1, 1, 10, 7)
    deep = conv(x, layer.depthwise_kernel.numpy().reshape(3, 3, 1, 10), 2, "same", groups=5)
    expected = conv(deep, layer.pointwise_kernel.numpy()) + 1
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: layers.DepthwiseConv2D(3, depth_multiplier=0), ["depth_multiplier", "0"]),
        (lambda: layers.DepthwiseConv2D(3)(Input((10, 9))), ["channel"]),
        (lambda: layers.DepthwiseConv2D(11)(Input((10, 9, 2))), ["11", "same"]),
        (
            lambda: layers.DepthwiseConv2D(3, depth_multiplier=2**30)(Input((10, 9, 4))),
            ["depth_multiplier", "4 channels"],
        ),
    ],
)
def test_bad_arguments(make: Callable[[], Any], words: list[str]) -> None:
    with pytest.raises(ValueError) as info:  # noqa: PT011  # the words are checked below
        make()
    refusal(info.value, *words)
