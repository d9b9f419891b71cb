"""Convolution, forward and all three gradients, by every instruction set and algorithm."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from reference.conv import conv, conv_grad
from support.conv_cases import (
    CASES,
    GRADIENTS,
    ConvCase,
    allowed,
    check,
    check_values,
    chosen_algorithm,
)
from support.numerical import assert_within

from cnnfast import _core, ops

# test_winograd.py has the others.
ALGORITHMS = [None, "lanes", "blocked", "pixels", "winograd", "winograd_f2"]
PLAIN = ConvCase(17, (9, 10), 17, 18, 1, (3, 3), (1, 1), (1, 1), "valid", "channels_last")


@pytest.mark.sweep(CASES)
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_sweep(case: ConvCase, algorithm: str | None, isa: str) -> None:
    check(case, algorithm)


@pytest.mark.parametrize("algorithm", [name for name in ALGORITHMS if name])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("strides", [(1, 1), (2, 2)])
def test_plain_problem_is_never_refused(algorithm: str, data_format: str, strides: Any, isa: str) -> None:
    if (algorithm.startswith("winograd") or algorithm == "pixels") and strides != (1, 1):
        return  # test_winograd.py and test_conv_pixels.py have their refusals
    case = replace(PLAIN, data_format=data_format, strides=strides)
    network = case.network(algorithm)
    assert chosen_algorithm(network, case.batch) == algorithm
    check_values(case, network, algorithm)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("channels", [1, 2, 15, 16, 17, 31, 32, 33])
def test_channels_around_the_block(channels: int, algorithm: str | None, isa: str) -> None:
    check(replace(PLAIN, ic=channels, oc=34 - channels), algorithm)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("batch", [1, 2, 15, 16, 17, 31, 33])
def test_batch_around_the_block(batch: int, algorithm: str | None, isa: str) -> None:
    check(replace(PLAIN, batch=batch, padding="same"), algorithm)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("width", range(1, 18))
def test_width_around_the_pixel_tile(width: int, algorithm: str | None, isa: str) -> None:
    case = replace(PLAIN, image=(3, width), batch=2, ic=3, oc=16, padding="same")
    check(case, algorithm)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize(
    "changes",
    [
        {"kernel": (9, 10)},  # one output
        {"image": (1, 1), "kernel": (3, 3), "padding": "same"},  # mostly padding
        {"kernel": (1, 1), "strides": (3, 4)},  # skips most of the image
        {"kernel": (2, 2), "strides": (3, 3), "padding": "same"},  # a stride longer than the kernel
        {"image": (5, 5), "kernel": (3, 3), "dilation": (2, 2)},  # dilated to the image's size
        {
            "kernel": (7, 7),
            "strides": (2, 2),
            "padding": ((3, 3), (3, 3)),
            "ic": 3,
            "oc": 64,
        },  # ResNet's stem
        {"kernel": (1, 7), "padding": "same"},
        {"kernel": (3, 3), "padding": ((4, 4), (4, 4))},  # outputs that see padding only
        {"use_bias": False},
    ],
    ids=str,
)
def test_corners(changes: dict[str, Any], algorithm: str | None, isa: str) -> None:
    check(replace(PLAIN, batch=3, **changes), algorithm)


def test_integer_values_are_exact(isa: str) -> None:
    """Sums of small integers have no rounding error, so not one bit may differ."""
    rng = np.random.default_rng(0)
    x = rng.integers(-3, 4, (5, 10, 9, 4)).astype(np.float32)
    kernel = rng.integers(-3, 4, (3, 3, 4, 20)).astype(np.float32)
    np.testing.assert_array_equal(ops.conv(x, kernel, padding="same"), conv(x, kernel, padding="same"))


def test_a_wrong_result_would_be_noticed() -> None:
    """The bounds are tight enough to see one tap of one channel change by a thousandth."""
    x, kernel, bias, _ = PLAIN.arrays
    changed = kernel.copy()
    changed[1, 1, 3, 5] *= 1.001
    got = conv(x, changed, bias=bias, **PLAIN.geometry).astype(np.float32)
    with pytest.raises(AssertionError, match="elements are off"):
        assert_within(got, PLAIN.expected[0], PLAIN.bounds[0], PLAIN.terms[0])


def test_instruction_sets_agree() -> None:
    """Between instruction sets only rounding may differ."""
    outputs = []
    before = _core.get_isa()
    for name in _core.available_isas():
        _core.set_isa(name)
        outputs.append(PLAIN.network("blocked").predict(PLAIN.arrays[0]))
        assert _core.get_isa() == name
    _core.set_isa(before)
    for other in outputs[1:]:
        assert_within(other, outputs[0].astype(np.float64), PLAIN.bounds[0], PLAIN.terms[0])


@pytest.mark.sweep(CASES)
def test_ops_conv(case: ConvCase) -> None:
    x, kernel, bias, _ = case.arrays
    got = ops.conv(x, kernel, bias=bias, **case.geometry)
    algorithm = chosen_algorithm(case.network(), case.batch)
    assert_within(got, case.expected[0], *allowed(algorithm, case.bounds[0], case.terms[0]))


@pytest.mark.sweep(CASES)
def test_ops_conv_grad(case: ConvCase) -> None:
    x, kernel, _, grad_out = case.arrays
    got = ops.conv_grad(x, kernel, grad_out, **case.geometry)
    assert len(got) == 3
    algorithm = chosen_algorithm(case.network(), case.batch)
    expected, bounds, terms = case.expected[1], case.bounds[1], case.terms[1]
    assert_within(got[0], expected[0], *allowed(algorithm, bounds[0], terms[0]), GRADIENTS[0])
    algorithm = chosen_algorithm(case.network(), case.batch, "backward weights")
    for one, ref, bound, n, what in zip(
        got[1:], expected[1:], bounds[1:], terms[1:], GRADIENTS[1:], strict=True
    ):
        assert_within(one, ref, *allowed(algorithm, bound, n), what)


def test_ops_defaults_and_numbers_for_pairs() -> None:
    x, kernel, _, _ = PLAIN.arrays
    np.testing.assert_array_equal(ops.conv(x, kernel), ops.conv(x, kernel, strides=(1, 1), padding="valid"))
    np.testing.assert_array_equal(ops.conv(x, kernel, 2), ops.conv(x, kernel, strides=(2, 2)))
    grads = ops.conv_grad(x, kernel, PLAIN.arrays[3])
    expected = conv_grad(x, kernel, PLAIN.arrays[3])
    algorithm = chosen_algorithm(PLAIN.network(), PLAIN.batch)
    assert_within(grads[0], expected[0], *allowed(algorithm, PLAIN.bounds[1][0], PLAIN.terms[1][0]))
    algorithm = chosen_algorithm(PLAIN.network(), PLAIN.batch, "backward weights")
    for got, ref, bound, terms in zip(
        grads[1:], expected[1:], PLAIN.bounds[1][1:], PLAIN.terms[1][1:], strict=True
    ):
        assert_within(got, ref, *allowed(algorithm, bound, terms))


def test_ops_activation() -> None:
    x, kernel, bias, _ = PLAIN.arrays
    plain = ops.conv(x, kernel, bias=bias)
    np.testing.assert_array_equal(ops.conv(x, kernel, bias=bias, activation="relu"), np.maximum(plain, 0))
