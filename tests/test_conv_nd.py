"""Convolutions over one and three axes and transposed ones, by every instruction set and algorithm."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from reference.conv import conv, conv_transpose
from support.conv_cases import ConvCase, check, check_values, chosen_algorithm
from support.nets import refusal

ALGORITHMS = [None, "lanes", "blocked", "winograd", "winograd_f2"]
CHANNELS = [(1, 5, 1), (3, 16, 1), (17, 18, 1), (16, 33, 1), (32, 32, 2), (6, 9, 3), (5, 5, 5)]
IMAGES: dict[int, Any] = {1: (13,), 2: (5, 6), 3: (4, 5, 6)}
KERNELS: dict[int, list[Any]] = {1: [(1,), (4,)], 2: [(3, 3), (2, 3)], 3: [(3, 3, 3), (2, 1, 3)]}
STRIDES: dict[int, list[Any]] = {1: [(1,), (3,)], 2: [(1, 1), (2, 2), (2, 3)], 3: [(1, 1, 1), (2, 1, 2)]}
EXPLICIT: dict[int, Any] = {1: ((2, 1),), 2: ((1, 0), (0, 2)), 3: ((0, 1), (2, 0), (1, 1))}
FORMATS = ["channels_last", "channels_first"]

PLAIN = {
    "1-D": ConvCase(17, (11,), 17, 18, 1, (3,), (1,), (1,), "valid", "channels_last"),
    "3-D": ConvCase(3, (5, 4, 6), 17, 18, 1, (3, 2, 3), (1, 1, 1), (1, 1, 1), "valid", "channels_last"),
    "transposed": ConvCase(
        17, (5, 6), 17, 18, 1, (3, 3), (2, 2), (1, 1), "same", "channels_last", transposed=True
    ),
}


def _product(rank: int, transposed: bool) -> Iterator[ConvCase]:
    dilations = [(1,) * rank, (2,) * rank]
    paddings = ["valid", "same", EXPLICIT[rank]]
    factors = (CHANNELS, KERNELS[rank], STRIDES[rank], dilations, paddings, FORMATS, [1, 3, 17])
    for (ic, oc, groups), kernel, strides, dilation, padding, data_format, batch in itertools.product(
        *factors
    ):
        case = ConvCase(batch, IMAGES[rank], ic, oc, groups, kernel, strides, dilation, padding, data_format)
        yield replace(case, transposed=transposed)
        if transposed:
            more = tuple(max(s, d) - 1 for s, d in zip(strides, dilation, strict=True))
            yield replace(case, transposed=True, output_padding=more)


CASES = [
    case
    for rank, transposed in ((1, False), (3, False), (1, True), (2, True), (3, True))
    for case in _product(rank, transposed)
]


@pytest.mark.sweep(CASES)
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_sweep(case: ConvCase, algorithm: str | None, isa: str) -> None:
    check(case, algorithm)


@pytest.mark.parametrize("algorithm", ["lanes", "blocked"])
@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize("kind", PLAIN)
def test_plain_problem_is_never_refused(kind: str, algorithm: str, data_format: str, isa: str) -> None:
    case = replace(PLAIN[kind], data_format=data_format)
    network = case.network(algorithm)
    assert chosen_algorithm(network, case.batch) == algorithm
    check_values(case, network, algorithm)


@pytest.mark.parametrize("padding", ["valid", "same", ((2, 0), (1, 1))])
@pytest.mark.parametrize("algorithm", ["winograd", "winograd_f2"])
def test_winograd_takes_transposed(algorithm: str, padding: Any, isa: str) -> None:
    case = replace(PLAIN["transposed"], image=(11, 9), strides=(1, 1), padding=padding, batch=2)
    check_values(case, case.network(algorithm), algorithm)


@pytest.mark.parametrize("algorithm", ["winograd", "winograd_f2"])
def test_winograd_refuses_volumes(algorithm: str) -> None:
    network = replace(PLAIN["3-D"], kernel=(1, 3, 3)).network(algorithm)
    with pytest.raises(ValueError, match=algorithm) as info:
        network.plan(2, "predict")
    refusal(info.value, "two spatial axes", "3")


@pytest.mark.parametrize("algorithm", ["lanes", "blocked"])
@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("1-D", {"image": (100,), "kernel": (9,), "strides": (4,), "padding": "same"}),
        ("1-D", {"image": (1,), "kernel": (3,), "padding": "same"}),
        ("3-D", {"image": (1, 1, 1), "padding": "same"}),
        ("3-D", {"image": (7, 1, 2), "kernel": (3, 1, 1), "strides": (3, 1, 2)}),
        ("3-D", {"padding": ((3, 3), (3, 3), (3, 3))}),  # outputs that see padding only
        ("3-D", {"kernel": (1, 1, 1), "use_bias": False}),
        ("transposed", {"image": (1, 1), "kernel": (4, 4), "strides": (1, 1), "padding": "valid"}),  # a GAN's
        ("transposed", {"kernel": (4, 4), "padding": ((1, 1), (1, 1))}),  # a GAN's next
        ("transposed", {"kernel": (1, 1), "strides": (3, 2)}),  # outputs that are the bias alone
        ("transposed", {"kernel": (2, 2), "strides": (3, 3), "padding": "valid", "output_padding": (2, 0)}),
        ("transposed", {"padding": ((4, 4), (4, 4)), "strides": (3, 3)}),  # cuts whole pixels off
        ("transposed", {"dilation": (2, 3), "output_padding": (1, 2)}),
        ("transposed", {"use_bias": False}),
    ],
    ids=str,
)
def test_corners(kind: str, changes: dict[str, Any], algorithm: str, isa: str) -> None:
    case = replace(PLAIN[kind], **changes)
    check_values(case, case.network(algorithm), algorithm)


@pytest.mark.parametrize("algorithm", ["lanes", "blocked"])
@pytest.mark.parametrize("kind", PLAIN)
def test_threads_do_not_change_the_bits(
    kind: str, algorithm: str, threads: Callable[[int], None], isa: str
) -> None:
    case = replace(PLAIN[kind], image=tuple(3 * n for n in PLAIN[kind].image), batch=33, ic=32)
    results = []
    for count in (1, 2, 5):
        threads(count)
        network = case.network(algorithm)
        grad_x, grad_weights = network.vjp(case.arrays[0], case.arrays[3])
        results.append([a.tobytes() for a in (network.predict(case.arrays[0]), grad_x, *grad_weights)])
    assert results[0] == results[1] == results[2]


@pytest.mark.parametrize("padding", ["valid", "same", ((1, 2), (0, 1))])
@pytest.mark.parametrize("strides", [(1, 1), (2, 3), (4, 4)])
def test_the_oracle_is_the_adjoint_of_convolution(strides: Any, padding: Any) -> None:
    """<conv(y), x> = <y, conv_transpose(x)> for y of the transposed convolution's output size."""
    rng = np.random.default_rng(0)
    x, kernel = rng.normal(size=(2, 5, 4, 3)), rng.normal(size=(3, 2, 6, 3))
    spread = conv_transpose(x, kernel, strides, padding)
    y = rng.normal(size=spread.shape)
    assert (conv(y, kernel, strides, padding) * x).sum() == pytest.approx((y * spread).sum())
