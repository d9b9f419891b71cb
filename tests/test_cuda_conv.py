"""Convolutions on a CUDA device, forward and all gradients, against sums in float64.

Run as tests/test_cuda.py is.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from support.conv_cases import CASES, GRADIENTS, ConvCase
from support.numerical import assert_within

import cnnfast

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(len(cnnfast.devices()) == 1, reason="needs a build with CUDA, and a device"),
]

PLAIN = ConvCase(2, (7, 9), 17, 18, 1, (3, 3), (1, 1), (1, 1), "same", "channels_last")
# TF32 keeps ten bits of each factor.
TF32 = 2.0**-9


@pytest.fixture(autouse=True)
def _on_the_device() -> Iterator[None]:
    before = cnnfast.get_precision()
    cnnfast.set_device("cuda")
    yield
    cnnfast.set_device("cpu")
    cnnfast.set_precision(before)


def _results(case: ConvCase) -> list[tuple[str, Any, Any, Any, int]]:
    """What the device makes of it: what it is, got, expected, and what its error is measured in."""
    network = case.network()
    x, _, _, grad_out = case.arrays
    (expected, grads), (bound, bounds), (terms, grad_terms) = case.expected, case.bounds, case.terms
    grad_x, grad_weights = network.vjp(x, grad_out)
    return [
        ("output", network.predict(x), expected, bound, terms),
        *zip(GRADIENTS, [grad_x, *grad_weights], grads, bounds, grad_terms, strict=False),
    ]


@pytest.mark.sweep(CASES)
def test_in_float32(case: ConvCase) -> None:
    cnnfast.set_precision("exact")
    for what, got, expected, bound, terms in _results(case):
        assert_within(got, expected, bound, terms, what)


def _depthwise(channels: int, image: tuple[int, ...], size: int = 3, **changes: Any) -> ConvCase:
    axes = len(image)
    case = replace(PLAIN, image=image, ic=channels, oc=channels, groups=channels)
    case = replace(case, kernel=(size,) * axes, strides=(1,) * axes, dilation=(1,) * axes)
    return replace(case, **changes)


# Strips have 4 results, warps 32 channels; windows are of 3, 5 and 7 taps, or of one.
THIN = [
    *(_depthwise(5, (height, 6)) for height in (3, 4, 5, 8, 9)),
    *(_depthwise(channels, (6, 11), batch=3) for channels in (31, 32, 33, 65)),
    *(_depthwise(9, (9, 8), size, batch=5) for size in (1, 2, 4, 5, 7, 9)),
    *(_depthwise(6, (11, 9), size, strides=(2, 2)) for size in (2, 3, 5, 7)),
    _depthwise(6, (11, 9), strides=(3, 1)),
    *(_depthwise(3, (17, 12), size, dilation=(2, 3), batch=1) for size in (2, 3, 5)),
    _depthwise(3, (17, 12), 3, dilation=(3, 2), strides=(2, 2)),
    _depthwise(4, (9, 9), kernel=(3, 2), padding="valid"),
    _depthwise(4, (9, 9), padding=((2, 1), (0, 2))),
    *(_depthwise(7, (10, 9), oc=7 * multiplier) for multiplier in (2, 3)),
    *(_depthwise(8, (8, 5), groups=groups, oc=oc) for groups, oc in ((2, 8), (4, 4), (4, 12), (2, 34))),
    _depthwise(30, (8, 5), groups=2, oc=34),
    *(_depthwise(12, (33,), size, batch=4) for size in (3, 9)),
    _depthwise(5, (3, 6, 5), batch=3),
    *(_depthwise(6, (5, 6), transposed=True, strides=(s, s)) for s in (1, 2, 3)),
    _depthwise(33, (40, 30), oc=33, batch=4),
]
# Blocks have 512 pixels or 64 filters, steps 32 pixels and 32 terms.
FIRST = [
    replace(PLAIN, ic=ic, oc=oc, batch=batch, image=image, kernel=kernel, strides=strides, dilation=dilation)
    for ic, oc, batch, image, kernel, strides, dilation in (
        (1, 32, 2, (16, 16), (3, 3), (1, 1), (1, 1)),
        (1, 15, 3, (19, 9), (3, 3), (1, 1), (1, 1)),
        (3, 16, 1, (7, 73), (3, 3), (1, 1), (1, 1)),
        (3, 17, 1, (27, 19), (3, 3), (2, 2), (1, 1)),
        (1, 64, 1, (32, 5), (5, 5), (1, 1), (1, 1)),
        (1, 65, 5, (9, 7), (5, 5), (2, 1), (1, 1)),
        (4, 63, 2, (12, 9), (2, 4), (1, 1), (2, 2)),
        (2, 5, 2, (12, 9), (4, 4), (3, 2), (1, 1)),
        (3, 8, 1, (5, 5), (1, 1), (1, 1), (1, 1)),
        (1, 8, 40, (12, 13), (3, 2), (1, 1), (1, 1)),
        (2, 18, 3, (29,), (5,), (2,), (1,)),
        (1, 9, 3, (5, 4, 6), (3, 3, 3), (1, 1, 1), (1, 1, 1)),
    )
]
# A warp has 8 pixels and 32 channels, or 32 pixels; a block 64 or 256, and 128 channels of weights at a time.
LAST = [
    *(
        replace(PLAIN, ic=ic, oc=oc, image=image, kernel=(1, 1), batch=batch)
        for ic, oc, image, batch in (
            (64, 1, (9, 7), 1),
            (31, 2, (8, 8), 1),
            (33, 4, (13, 5), 1),
            (129, 3, (16, 16), 2),
        )
    ),
    *(replace(PLAIN, ic=ic, oc=3) for ic in (32, 127, 128)),
    replace(PLAIN, ic=40, oc=1, dilation=(2, 3)),
    replace(PLAIN, ic=40, oc=4, strides=(2, 3)),
    *(replace(PLAIN, ic=20, oc=oc, kernel=(4, 4), strides=(2, 2), transposed=True) for oc in (1, 3)),
    replace(PLAIN, ic=3, oc=40, strides=(2, 2), kernel=(5, 5)),
    replace(PLAIN, ic=12, oc=2, image=(29,), kernel=(5,), strides=(1,), dilation=(1,)),
    replace(PLAIN, ic=12, oc=2, image=(3, 4, 5), kernel=(2, 2, 2), strides=(1, 1, 1), dilation=(1, 1, 1)),
]


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("case", [*THIN, *FIRST, *LAST], ids=str)
def test_few_channels(case: ConvCase, data_format: str) -> None:
    """Depthwise and thin groups, first and last layers: at the edges of strips, warps, blocks and parts."""
    cnnfast.set_precision("exact")
    for what, got, expected, bound, terms in _results(replace(case, data_format=data_format)):
        assert_within(got, expected, bound, terms, what)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"data_format": "channels_first"},
        {"strides": (2, 2)},
        {"dilation": (2, 3)},
        {"groups": 2, "ic": 16, "oc": 32},
        {"ic": 20, "oc": 36},  # by fours
        {"ic": 64, "oc": 68, "strides": (2, 1)},
        {"groups": 2, "ic": 40, "oc": 64, "dilation": (1, 2)},
        {"transposed": True, "strides": (2, 2)},
        {"image": (29,), "kernel": (5,), "strides": (1,), "dilation": (1,)},
        {"image": (3, 4, 5), "kernel": (2, 2, 2), "strides": (1, 1, 1), "dilation": (1, 1, 1)},
    ],
    ids=str,
)
def test_on_tensor_cores(changes: dict[str, Any]) -> None:
    cnnfast.set_precision("default")
    for what, got, expected, bound, _ in _results(replace(PLAIN, **changes)):
        error = np.abs(np.asarray(got, np.float64) - expected)
        assert (error <= TF32 * bound + 1e-30).all(), what
