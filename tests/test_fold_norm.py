"""A normalization that predictions fold into the convolution before it: every algorithm, against float64."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from support.conv_cases import ConvCase, allowed
from support.nets import adam, set_weights, single
from support.numerical import assert_within

import cnnfast
from cnnfast import _core, layers

PLAIN = ConvCase(2, (9, 10), 32, 37, 1, (3, 3), (1, 1), (1, 1), "same", "channels_last")
STRIDED = replace(PLAIN, strides=(2, 2), padding=((1, 1), (1, 1)))
CASES: list[tuple[str, ConvCase]] = [
    ("blocked", PLAIN),
    ("blocked", replace(PLAIN, kernel=(1, 1), strides=(2, 2), use_bias=False)),
    ("blocked", replace(PLAIN, groups=2, oc=64, data_format="channels_first")),
    ("lanes", replace(PLAIN, batch=17, ic=5, oc=7)),
    ("lanes", replace(PLAIN, ic=6, oc=9, groups=3, use_bias=False)),
    ("pixels", replace(PLAIN, ic=3, oc=7)),
    ("pixels", replace(PLAIN, use_bias=False)),
    ("winograd", PLAIN),
    ("winograd_f2", replace(PLAIN, use_bias=False)),
    ("winograd_s2", STRIDED),
    ("winograd_s2_f5", STRIDED),
    ("depthwise", replace(PLAIN, oc=32, groups=32)),
    ("depthwise", replace(PLAIN, oc=64, groups=32, use_bias=False)),
    ("grouped", replace(PLAIN, oc=32, groups=8)),
    ("grouped", replace(PLAIN, oc=16, groups=8)),
    *(
        (name, replace(PLAIN, strides=(2, 2), transposed=True, use_bias=use_bias, **changes))
        for name, changes in (
            ("blocked", {}),
            ("blocked", {"groups": 2, "oc": 64}),
            ("lanes", {"ic": 6, "oc": 9, "groups": 3}),
            ("grouped", {"oc": 64, "groups": 16}),
            ("winograd_s2", {"padding": ((1, 1), (1, 1))}),
        )
        for use_bias in (True, False)
    ),
    ("blocked", replace(PLAIN, image=(11,), kernel=(3,), strides=(1,), dilation=(1,))),
    ("blocked", replace(PLAIN, image=(4, 5, 6), kernel=(2, 3, 3), strides=(1,) * 3, dilation=(1,) * 3)),
]
EPSILON = 1e-3


def _norm(case: ConvCase, scale: bool, center: bool) -> tuple[np.ndarray, ...]:
    """Gamma and beta, if there are such, moving mean and variance."""
    rng = np.random.default_rng(5)
    gamma, beta, mean = rng.normal(size=(3, case.oc)).astype(np.float32)
    variance = (rng.random(case.oc) + 0.1).astype(np.float32)
    return (*((gamma,) if scale else ()), *((beta,) if center else ()), mean, variance)


def _network(
    case: ConvCase, algorithm: str, kind: Any, norm: tuple[np.ndarray, ...], scale: bool, center: bool
) -> "_core.Network":
    def add(graph: "_core.Graph", src: int) -> int:
        window = case.kernel, case.strides, case.padding
        rest = case.dilation, case.groups, case.use_bias, case.data_format, "conv"
        if case.transposed:
            value = graph.conv_transpose(src, case.oc, *window, case.output_padding, *rest)
        else:
            value = graph.conv(src, case.oc, *window, *rest)
        value = graph.batch_norm(value, 0.9, EPSILON, scale, center, case.data_format, "norm")
        return graph.activation(value, kind, "act")

    network = single(case.shape, add)
    set_weights(network, [*case.arrays[1 : 3 if case.use_bias else 2], *norm])
    network.force_algorithm("conv2d", algorithm)
    return network


def _expected(case: ConvCase, kind: str, norm: tuple[np.ndarray, ...], scale: bool, center: bool) -> Any:
    """The output, and what its rounding errors are measured in."""
    shape = (-1, *(1,) * len(case.image)) if case.data_format == "channels_first" else (-1,)
    wide = [part.astype(np.float64).reshape(shape) for part in norm]
    mean, variance = wide[-2:]
    rate = (wide[0] if scale else 1.0) / np.sqrt(variance + np.float64(np.float32(EPSILON)))
    shift = wide[-3] if center else np.zeros_like(mean)
    out = (case.expected[0] - mean) * rate + shift
    bound = (case.bounds[0] + np.abs(mean)) * np.abs(rate) + np.abs(shift)
    return (np.maximum(out, 0) if kind == "relu" else np.tanh(out)), bound


@pytest.mark.parametrize(("algorithm", "case"), CASES, ids=str)
@pytest.mark.parametrize("kind", ["relu", "tanh"])
def test_every_algorithm(algorithm: str, case: ConvCase, kind: str, isa: str) -> None:
    norm = _norm(case, True, True)
    network = _network(case, algorithm, kind, norm, True, True)
    steps = network.plan(case.batch, "predict")
    assert {step["algorithm"] for step in steps if step["direction"] != "output"} >= {algorithm}
    assert not any("batch" in step["op"] for step in steps)
    expected, bound = _expected(case, kind, norm, True, True)
    bound, terms = allowed(algorithm, bound, case.terms[0])
    assert_within(network.predict(case.arrays[0]), expected, bound, terms + 4)


@pytest.mark.parametrize("scale", [False, True])
@pytest.mark.parametrize("center", [False, True])
def test_gamma_and_beta_may_be_absent(scale: bool, center: bool) -> None:
    norm = _norm(PLAIN, scale, center)
    network = _network(PLAIN, "blocked", "relu", norm, scale, center)
    expected, bound = _expected(PLAIN, "relu", norm, scale, center)
    assert_within(network.predict(PLAIN.arrays[0]), expected, bound, PLAIN.terms[0] + 4)


def test_without_the_pass() -> None:
    norm = _norm(PLAIN, True, True)
    network = _network(PLAIN, "winograd", "relu", norm, True, True)
    other = _network(PLAIN, "winograd", "relu", norm, True, True)
    other.disable_pass("fold_norm")
    assert [step["op"] for step in other.plan(2, "predict")].count("batch normalization") == 2
    x = PLAIN.arrays[0]
    got, ref = network.predict(x), other.predict(x)
    np.testing.assert_allclose(got, ref, rtol=0, atol=1e-5 * float(np.abs(ref).max()))


@pytest.mark.parametrize("batch", [9, 32])
@pytest.mark.parametrize("algorithm", ["blocked", "winograd"])
def test_threads_do_not_change_the_bits(
    batch: int, algorithm: str, threads: Callable[[int], None], isa: str
) -> None:
    """Of a whole batch, and of micro-batches."""
    case = replace(PLAIN, batch=batch, image=(24, 24))
    norm = _norm(case, True, True)
    results = []
    for count in (1, 2, 5):
        threads(count)
        results.append(_network(case, algorithm, "relu", norm, True, True).predict(case.arrays[0]))
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])


def test_changes_of_any_weight_are_seen() -> None:
    """Each is part of what was packed before."""
    norm = list(_norm(PLAIN, True, True))
    network = _network(PLAIN, "winograd_f2", "relu", tuple(norm), True, True)
    x = PLAIN.arrays[0]
    for number in range(6):
        before = network.predict(x)
        changed = network.weights[number].numpy() * np.float32(1.5) + np.float32(0.25)
        network.weights[number].assign(changed)
        after = network.predict(x)
        assert np.abs(after - before).max() > 1e-3
        fresh = _network(PLAIN, "winograd_f2", "relu", tuple(norm), True, True)
        set_weights(fresh, [weight.numpy() for weight in network.weights])
        np.testing.assert_array_equal(after, fresh.predict(x))


@pytest.mark.parametrize("trainable", [True, False])
def test_training_in_between_is_seen(trainable: bool) -> None:
    """Also where nothing moves but the statistics."""
    graph = _core.Graph()
    value = graph.input((8, 8, 16), "x")
    for number in range(2):
        value = graph.conv(
            value, 16, (3, 3), (1, 1), "same", (1, 1), 1, False, "channels_last", f"conv_{number}"
        )
        value = graph.batch_norm(value, 0.5, EPSILON, False, False, "channels_last", f"norm_{number}")
    value = graph.dense(graph.flatten(value, "channels_last", "flat"), 3, True, "head")
    network = _core.Network(graph, value)
    network.configure("sparse_categorical_crossentropy", True, [], adam())
    for number in (0, 2) if not trainable else ():
        network.weights[number].trainable = False
    x = np.random.default_rng(0).normal(size=(32, 8, 8, 16)).astype(np.float32)
    y = np.arange(32, dtype=np.int32) % 3
    plain = _core.Network(graph, value)
    plain.disable_pass("fold_norm")
    for _ in range(3):
        got, ref = network.predict(x[:2]), plain.predict(x[:2])
        np.testing.assert_allclose(got, ref, rtol=0, atol=1e-5 * float(np.abs(ref).max()))
        loss = network.evaluate_step(x[:2], y[:2])
        plain.configure("sparse_categorical_crossentropy", True, [], adam())
        np.testing.assert_allclose(loss, plain.evaluate_step(x[:2], y[:2]), rtol=1e-4)
        network.train_step(x, y)


def test_one_that_others_read_stays() -> None:
    """The convolution's own output is wanted, too; another axis is none of its channels."""
    inputs = cnnfast.Input((6, 6, 6))
    conv = layers.Conv2D(6, 3, padding="same")
    value = conv(inputs)
    both = cnnfast.Model(inputs, [layers.BatchNormalization()(value), value])
    across = cnnfast.Model(inputs, layers.BatchNormalization(1)(value))
    x = np.random.default_rng(0).normal(size=(2, 6, 6, 6)).astype(np.float32)
    rate = 1 / np.sqrt(1 + 1e-3)
    normal, plain = both.predict(x, verbose=0)
    np.testing.assert_allclose(normal, plain * rate, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(across.predict(x, verbose=0), plain * rate, rtol=1e-5, atol=1e-5)


def test_a_shared_convolution_has_either_normalization() -> None:
    inputs = cnnfast.Input((6, 6, 16))
    conv = layers.Conv2D(16, 3, padding="same")
    norms = [layers.BatchNormalization(), layers.BatchNormalization()]
    model = cnnfast.Model(inputs, [norm(conv(inputs)) for norm in norms])
    norms[1].set_weights([np.full(16, value, np.float32) for value in (2.0, 1.0, 0.5, 4.0)])
    x = np.random.default_rng(0).normal(size=(2, 6, 6, 16)).astype(np.float32)
    first, second = model.predict(x, verbose=0)
    plain = first * np.sqrt(1 + 1e-3)
    np.testing.assert_allclose(second, (plain - 0.5) * 2 / np.sqrt(4 + 1e-3) + 1, rtol=1e-4, atol=1e-4)


def test_a_residual_sum_is_one_step() -> None:
    """Convolution, normalization, sum and ReLU."""
    inputs = cnnfast.Input((8, 8, 32))
    trunk = layers.Conv2D(32, 1, activation="relu")(inputs)
    value = layers.Conv2D(32, 3, padding="same", use_bias=False)(trunk)
    value = layers.Add()([layers.BatchNormalization()(value), trunk])
    model = cnnfast.Model(inputs, layers.GlobalAveragePooling2D()(layers.ReLU()(value)))
    x = np.random.default_rng(0).normal(size=(1, 8, 8, 32)).astype(np.float32)
    rows = model.profile(x).rows
    assert not {row.layer.split("_")[0] for row in rows} & {"batch", "add", "re"}
