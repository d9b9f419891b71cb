"""Winograd: its measured errors, its refusals, and the classes of precision that allow or forbid it."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from support.conv_cases import ConvCase, chosen_algorithm
from support.nets import refusal

import cnnfast

SAME = ConvCase(2, (12, 12), 64, 64, 1, (3, 3), (1, 1), (1, 1), "same", "channels_last")
WINOGRADS = ["winograd", "winograd_f2"]

# algorithm -> channels -> largest error / largest output, RMS error / RMS output, of the output and of the
# image's gradient, for normal images and weights. Twice what AVX2 and the portable kernels gave (2026-11).
ERRORS = {
    "blocked": {32: (1.6e-6, 7e-7), 256: (5.0e-6, 2.0e-6)},
    "winograd_f2": {32: (7e-7, 4e-7), 256: (1.5e-6, 1.0e-6)},
    "winograd": {32: (1.0e-5, 2.4e-6), 256: (2.8e-5, 6.0e-6)},
}
ERROR_CASES = {c: replace(SAME, batch=1, image=(14, 14), ic=c, oc=c) for c in (32, 256)}


@pytest.fixture
def precision() -> Iterator[Callable[[Any], None]]:
    """Sets the class of precision; the old one comes back afterwards."""
    before = cnnfast.get_precision()
    yield cnnfast.set_precision
    cnnfast.set_precision(before)


@pytest.mark.parametrize("channels", ERROR_CASES)
@pytest.mark.parametrize("algorithm", ERRORS)
def test_error(algorithm: str, channels: int, isa: str) -> None:
    """The figures of docs/design/engine.md."""
    case = ERROR_CASES[channels]
    network = case.network(algorithm)
    x, _, _, grad_out = case.arrays
    most, most_rms = ERRORS[algorithm][channels]
    for got, ref in (
        (network.predict(x), case.expected[0]),
        (network.vjp(x, grad_out)[0], case.expected[1][0]),
    ):
        error = got - ref
        assert np.abs(error).max() / np.abs(ref).max() <= most
        assert np.sqrt((error**2).mean() / (ref**2).mean()) <= most_rms


@pytest.mark.parametrize("algorithm", WINOGRADS)
def test_a_sample_does_not_depend_on_its_batch(algorithm: str, isa: str) -> None:
    """Tiles of many samples share a block; each one's sums are its own."""
    case = replace(SAME, batch=23, image=(7, 9), oc=33)
    network = case.network(algorithm)
    x = case.arrays[0]
    together = network.predict(x)
    for sample in (0, 7, 22):
        np.testing.assert_array_equal(network.predict(x[sample : sample + 1]), together[sample : sample + 1])


@pytest.mark.parametrize("algorithm", WINOGRADS)
def test_nothing_reads_across_samples(algorithm: str, isa: str) -> None:
    """A sample of NaN leaves its neighbours as they are, padding and partial tiles included."""
    case = replace(SAME, batch=3, image=(5, 7), ic=17, oc=18, padding=((2, 0), (1, 4)))
    network = case.network(algorithm)
    x = case.arrays[0].copy()
    clean = network.predict(x)
    x[1] = np.nan
    dirty = network.predict(x)
    np.testing.assert_array_equal(dirty[[0, 2]], clean[[0, 2]])
    assert np.isnan(dirty[1]).any()


@pytest.mark.parametrize("algorithm", WINOGRADS)
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"kernel": (5, 5)}, ["kernel", "(5, 5)"]),
        ({"kernel": (1, 3)}, ["kernel", "(1, 3)"]),
        ({"strides": (2, 1)}, ["strides", "(2, 1)"]),
        ({"dilation": (2, 2)}, ["dilation", "(2, 2)"]),
        ({"ic": 15}, ["16 channels", "15"]),
        ({"oc": 15}, ["16 channels", "15"]),
        ({"groups": 8}, ["16 channels", "8"]),
        ({"ic": 48, "oc": 48, "groups": 2}, ["multiple of 16", "24"]),
    ],
    ids=str,
)
def test_refusals(changes: dict[str, Any], words: list[str], algorithm: str) -> None:
    network = replace(SAME, **changes).network(algorithm)
    with pytest.raises(ValueError, match=algorithm) as info:
        network.plan(2, "predict")
    refusal(info.value, "conv2d", *words)


def test_exact_forbids_it(precision: Callable[[Any], None]) -> None:
    network = SAME.network("winograd")
    precision("exact")
    with pytest.raises(ValueError, match="exact") as info:
        network.plan(2, "predict")
    refusal(info.value, "winograd", "exact")


def test_classes(precision: Callable[[Any], None]) -> None:
    """A network keeps the programs of several classes apart."""
    network, x = SAME.network(), SAME.arrays[0]
    assert cnnfast.get_precision() == "default"
    assert chosen_algorithm(network, 2) in WINOGRADS
    default = network.predict(x)
    precision("exact")
    assert cnnfast.get_precision() == "exact"
    assert chosen_algorithm(network, 2) == "blocked"
    exact = network.predict(x)
    np.testing.assert_array_equal(exact, SAME.network("blocked").predict(x))
    assert (exact != default).any()
    precision("fast")
    np.testing.assert_array_equal(network.predict(x), default)
    precision("default")
    np.testing.assert_array_equal(network.predict(x), default)


def test_weights_are_transformed_anew() -> None:
    """Packed weights follow the parameters."""
    network, x = SAME.network("winograd"), SAME.arrays[0]
    bias = np.zeros(64, np.float32)
    network.set_parameter(1, bias)
    once = network.predict(x)
    network.set_parameter(0, SAME.arrays[1] * 2)
    np.testing.assert_array_equal(network.predict(x), once * 2)


def test_backward_weights_are_direct_sums() -> None:
    x, _, _, grad_out = SAME.arrays
    grads = [SAME.network(name).vjp(x, grad_out)[1] for name in ("winograd", "winograd_f2", "blocked")]
    for other in grads[:2]:
        for got, ref in zip(other, grads[2], strict=True):
            np.testing.assert_array_equal(got, ref)
