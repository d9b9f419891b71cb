"""Winograd: its measured errors, its refusals, and the classes of precision that allow or forbid it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from support.conv_cases import ConvCase, check_values, chosen_algorithm
from support.nets import refusal

import cnnfast

SAME = ConvCase(2, (12, 12), 64, 64, 1, (3, 3), (1, 1), (1, 1), "same", "channels_last")
STRIDE1 = ["winograd", "winograd_f2", "winograd_f6"]
STRIDE2 = ["winograd_s2", "winograd_s2_f5"]
WINOGRADS = STRIDE1 + STRIDE2

# algorithm -> channels -> largest error / largest output, RMS error / RMS output, of the output and of the
# image's gradient, for normal images and weights. Twice what AVX2 and the portable kernels gave (2026-11).
ERRORS = {
    "blocked": {32: (1.6e-6, 7e-7), 256: (5.0e-6, 2.0e-6)},
    "winograd_f2": {32: (7e-7, 4e-7), 256: (1.5e-6, 1.0e-6)},
    "winograd": {32: (2.2e-6, 1.3e-6), 256: (6.4e-6, 2.8e-6)},
    "winograd_f6": {32: (1.5e-5, 5.2e-6), 256: (4.0e-5, 1.2e-5)},
    "winograd_s2": {32: (2.4e-6, 7.2e-7), 256: (7.0e-6, 1.8e-6)},
    "winograd_s2_f5": {32: (3.4e-6, 9.2e-7), 256: (1.1e-5, 2.2e-6)},
}
# The same of stride 1's gradient of the weights, which has tiles of 4 x 4 outputs whatever the algorithm.
WEIGHTS_ERRORS = {32: (1.3e-6, 1.1e-6), 256: (1.6e-6, 1.1e-6)}
ERROR_CASES = {c: replace(SAME, batch=1, image=(14, 14), ic=c, oc=c) for c in (32, 256)}


def taken_by(algorithm: str, case: ConvCase) -> ConvCase:
    """The case with the strides of this algorithm; twice the image for as many outputs."""
    if algorithm not in STRIDE2:
        return case
    return replace(case, strides=(2, 2), image=tuple(2 * size for size in case.image))


@pytest.fixture
def fast(precision: Callable[[Any], None]) -> None:
    """All algorithms are allowed."""
    precision("fast")


def assert_error(got: Any, ref: Any, most: tuple[float, float]) -> None:
    """Largest error / largest value and RMS error / RMS value are no more than these."""
    error = got - ref
    assert np.abs(error).max() / np.abs(ref).max() <= most[0]
    assert np.sqrt((error**2).mean() / (ref**2).mean()) <= most[1]


@pytest.mark.usefixtures("fast")
@pytest.mark.parametrize("channels", ERROR_CASES)
@pytest.mark.parametrize("algorithm", ERRORS)
def test_error(algorithm: str, channels: int, isa: str) -> None:
    """The figures of docs/design/engine.md."""
    case = taken_by(algorithm, ERROR_CASES[channels])
    network = case.network(algorithm)
    x, _, _, grad_out = case.arrays
    grad_x, grad_weights = network.vjp(x, grad_out)
    assert_error(network.predict(x), case.expected[0], ERRORS[algorithm][channels])
    assert_error(grad_x, case.expected[1][0], ERRORS[algorithm][channels])
    if algorithm in STRIDE1:
        assert_error(grad_weights[0], case.expected[1][1], WEIGHTS_ERRORS[channels])


@pytest.mark.usefixtures("fast")
@pytest.mark.parametrize("algorithm", WINOGRADS)
@pytest.mark.parametrize(
    "changes",
    [
        {"ic": 64, "oc": 32, "groups": 2},
        {"ic": 96, "oc": 48, "groups": 3, "image": (5, 6), "padding": ((2, 0), (1, 2))},
        {"ic": 64, "oc": 64, "groups": 4, "padding": "valid"},
        {"ic": 144, "oc": 129, "image": (7, 7)},  # tasks of the gradient share the channels of either side
        {"ic": 144, "oc": 129, "image": (9, 11), "batch": 14},  # the same, too many tiles to transform ahead
        {"ic": 288, "oc": 320, "groups": 2, "image": (5, 5)},
        {"ic": 16, "oc": 272, "image": (4, 5)},
        {"ic": 272, "oc": 20, "image": (8, 4)},  # two panels of weights, the second one thin
        {"ic": 17, "oc": 18, "batch": 9, "image": (13, 14)},  # three partial sums
        {"ic": 64, "oc": 64, "groups": 2, "batch": 40},
        {"use_bias": False},
    ],
    ids=str,
)
def test_shapes(changes: dict[str, Any], algorithm: str, isa: str) -> None:
    """All three directions, several groups and cuts of channels and tiles."""
    case = taken_by(algorithm, replace(SAME, **changes))
    check_values(case, case.network(algorithm), algorithm)


@pytest.mark.usefixtures("fast")
@pytest.mark.parametrize("algorithm", WINOGRADS)
def test_a_sample_does_not_depend_on_its_batch(algorithm: str, isa: str) -> None:
    """Tiles of many samples share a block; each one's sums are its own."""
    case = taken_by(algorithm, replace(SAME, batch=23, image=(7, 9), oc=33))
    network = case.network(algorithm)
    x = case.arrays[0]
    together = network.predict(x)
    for sample in (0, 7, 22):
        np.testing.assert_array_equal(network.predict(x[sample : sample + 1]), together[sample : sample + 1])


@pytest.mark.usefixtures("fast")
@pytest.mark.parametrize("algorithm", WINOGRADS)
def test_nothing_reads_across_samples(algorithm: str, isa: str) -> None:
    """A sample of NaN leaves its neighbours as they are, padding and partial tiles included."""
    case = replace(SAME, batch=3, image=(5, 7), ic=17, oc=18, padding=((2, 0), (1, 4)))
    case = taken_by(algorithm, case)
    network = case.network(algorithm)
    x = case.arrays[0].copy()
    clean = network.predict(x)
    x[1] = np.nan
    dirty = network.predict(x)
    np.testing.assert_array_equal(dirty[[0, 2]], clean[[0, 2]])
    assert np.isnan(dirty[1]).any()


TILES = {"winograd_f2": 2, "winograd": 4, "winograd_f6": 6, "winograd_s2": 4, "winograd_s2_f5": 5}


def readers(pixel: int, size: int, stride: int, tile: int = 1) -> np.ndarray:
    """Which outputs along an axis read this pixel, or lie in a tile that does; kernel 3, padding "same"."""
    before = 1 if stride == 1 else 0
    first = np.arange(size) // tile * tile
    last = first + tile - 1
    return (first * stride - before <= pixel) & (pixel <= last * stride - before + 2)


@pytest.mark.usefixtures("fast")
@pytest.mark.parametrize("algorithm", ["blocked", *WINOGRADS])
def test_how_far_a_pixel_reaches(algorithm: str, isa: str) -> None:
    """The direct sum and F(2, 3) keep a NaN or a huge pixel to its windows, the others to their tiles."""
    stride, tile = 2 if algorithm in STRIDE2 else 1, TILES.get(algorithm, 1)
    case = taken_by(algorithm, replace(SAME, batch=1, image=(13, 13), ic=16, oc=16, use_bias=False))
    network, x = case.network(algorithm), case.arrays[0]
    clean, beyond = network.predict(x)[0], 0
    for row, column in [(0, 0), (3, 4), (7, 11), (12, 12)]:
        own = np.outer(readers(row, 13, stride), readers(column, 13, stride))
        tiles = np.outer(readers(row, 13, stride, tile), readers(column, 13, stride, tile))
        for value in (np.nan, 1e6):
            dirty = x.copy()
            dirty[0, row, column, 5] = value
            changed = ~(network.predict(dirty)[0] == clean).all(-1)
            assert changed[own].all()
            assert not changed[~tiles].any()
            beyond += int(changed[~own].sum())
    assert (beyond > 0) == (algorithm not in ("blocked", "winograd_f2"))


def test_the_help_tells_how_far_a_pixel_reaches() -> None:
    """Where the classes are described, and where a person looks for what computed a layer."""
    for function in (cnnfast.set_precision, cnnfast.Model.profile):
        assert all(word in str(function.__doc__).lower() for word in ("winograd", "nan", "tile")), function


def test_exact_keeps_a_nan_local(precision: Callable[[Any], None]) -> None:
    """What the classes promise, of a network as it comes: exact is local, default is not."""
    case = replace(SAME, batch=1)
    x = case.arrays[0].copy()
    x[0, 5, 6, 3] = np.nan
    own = np.outer(readers(5, 12, 1), readers(6, 12, 1))
    precision("exact")
    np.testing.assert_array_equal(np.isnan(case.network().predict(x)[0]).any(-1), own)
    precision("default")
    assert np.isnan(case.network().predict(x)[0]).any(-1)[~own].any()


@pytest.mark.usefixtures("fast")
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
    network = replace(taken_by(algorithm, SAME), **changes).network(algorithm)
    with pytest.raises(ValueError, match=algorithm) as info:
        network.plan(2, "predict")
    refusal(info.value, "conv2d", *words)


@pytest.mark.usefixtures("fast")
@pytest.mark.parametrize("algorithm", WINOGRADS)
def test_strides_are_refused(algorithm: str) -> None:
    strides = (1, 1) if algorithm in STRIDE2 else (2, 2)
    with pytest.raises(ValueError, match=algorithm) as info:
        replace(SAME, strides=strides).network(algorithm).plan(2, "predict")
    refusal(info.value, "conv2d", "strides", str(strides))


# Heights of two to eleven outputs: both tiles' sides, one less and one more, whatever the padding.
@pytest.mark.parametrize("padding", ["same", "valid", ((1, 1), (1, 1)), ((2, 0), (1, 2)), ((0, 3), (2, 1))])
@pytest.mark.parametrize("algorithm", STRIDE2)
def test_sizes_of_stride2(algorithm: str, padding: Any, isa: str) -> None:
    for height, width in zip(range(5, 24), reversed(range(5, 24)), strict=True):
        case = replace(SAME, strides=(2, 2), image=(height, width), ic=18, oc=17, padding=padding)
        check_values(case, case.network(algorithm), algorithm)


@pytest.mark.parametrize("padding", ["same", ((1, 1), (1, 1))])
@pytest.mark.parametrize("algorithm", STRIDE2)
def test_stride2_takes_transposed(algorithm: str, padding: Any, isa: str) -> None:
    case = replace(SAME, strides=(2, 2), image=(5, 6), ic=33, oc=20, padding=padding, transposed=True)
    check_values(case, case.network(algorithm), algorithm)


@pytest.mark.parametrize(
    ("name", "algorithms"), [("exact", WINOGRADS), ("default", ["winograd_f6"])], ids=["exact", "default"]
)
def test_a_class_forbids(name: Any, algorithms: list[str], precision: Callable[[Any], None]) -> None:
    precision(name)
    for algorithm in algorithms:
        with pytest.raises(ValueError, match=name) as info:
            taken_by(algorithm, SAME).network(algorithm).plan(2, "predict")
        refusal(info.value, algorithm, name)


def test_classes(precision: Callable[[Any], None]) -> None:
    """A network keeps the programs of several classes apart."""
    network, x = SAME.network(), SAME.arrays[0]
    assert cnnfast.get_precision() == "default"
    assert chosen_algorithm(network, 2) in ("winograd", "winograd_f2")
    default = network.predict(x)
    precision("exact")
    assert cnnfast.get_precision() == "exact"
    assert chosen_algorithm(network, 2) == "blocked"
    exact = network.predict(x)
    np.testing.assert_array_equal(exact, SAME.network("blocked").predict(x))
    assert (exact != default).any()
    precision("fast")
    fast = chosen_algorithm(network, 2)
    np.testing.assert_array_equal(network.predict(x), SAME.network(fast).predict(x))
    precision("default")
    np.testing.assert_array_equal(network.predict(x), default)


def test_weights_are_transformed_anew() -> None:
    """Packed weights follow the parameters."""
    network, x = SAME.network("winograd"), SAME.arrays[0]
    bias = np.zeros(64, np.float32)
    network.weights[1].assign(bias)
    once = network.predict(x)
    network.weights[0].assign(SAME.arrays[1] * 2)
    np.testing.assert_array_equal(network.predict(x), once * 2)


@pytest.mark.parametrize(
    ("changes", "forward", "weights"),
    [
        ({}, "winograd", "winograd"),
        ({"batch": 1, "image": (4, 4), "ic": 256, "oc": 256}, "winograd_f2", "blocked"),
    ],
    ids=str,
)
def test_weight_gradients_are_a_choice_of_their_own(
    changes: dict[str, Any], forward: str, weights: str
) -> None:
    case = replace(SAME, **changes)
    network = case.network()
    assert chosen_algorithm(network, case.batch) == forward
    assert chosen_algorithm(network, case.batch, "backward weights") == weights
    check_values(case, network, forward)


def test_threads_do_not_change_weight_gradients(threads: Callable[[int], None], isa: str) -> None:
    """Partial sums of tiles, several squares of channels, images transformed ahead for all squares."""
    for case in (
        replace(SAME, batch=40),
        replace(SAME, ic=160, oc=144, batch=12),
        replace(SAME, ic=160, oc=144),
    ):
        x, _, _, grad_out = case.arrays
        results = []
        for count in (1, 2, 5):
            threads(count)
            results.append(case.network("winograd").vjp(x, grad_out)[1])
        for other in results[1:]:
            for got, ref in zip(other, results[0], strict=True):
                np.testing.assert_array_equal(got, ref)


@pytest.mark.parametrize(
    ("changes", "chosen"),
    [
        ({"image": (56, 56)}, "winograd_s2"),
        ({"image": (28, 28)}, "winograd_s2_f5"),
        ({"image": (14, 14)}, "blocked"),  # few tiles wait for the weights
        ({"image": (14, 14), "batch": 8}, "winograd_s2"),
    ],
    ids=str,
)
def test_choice_of_stride2(changes: dict[str, Any], chosen: str) -> None:
    """By what tiles waste; the gradient of the weights stays direct."""
    case = replace(replace(SAME, strides=(2, 2), batch=1, ic=256, oc=256), **changes)
    network = case.network()
    assert chosen_algorithm(network, case.batch) == chosen
    assert chosen_algorithm(network, case.batch, "backward weights") == "blocked"


@pytest.mark.parametrize("algorithm", STRIDE2)
def test_threads_do_not_change_stride2(algorithm: str, threads: Callable[[int], None], isa: str) -> None:
    """Cuts of output channels and of tiles."""
    for case in (replace(SAME, image=(28, 28), oc=272), replace(SAME, image=(40, 44), batch=3)):
        network = replace(case, strides=(2, 2)).network(algorithm)
        x, _, _, grad_out = replace(case, strides=(2, 2)).arrays
        results = []
        for count in (1, 2, 5):
            threads(count)
            results.append((network.predict(x), network.vjp(x, grad_out)[0]))
        for other in results[1:]:
            for got, ref in zip(other, results[0], strict=True):
                np.testing.assert_array_equal(got, ref)
