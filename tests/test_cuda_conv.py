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


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"data_format": "channels_first"},
        {"strides": (2, 2)},
        {"dilation": (2, 3)},
        {"groups": 2, "ic": 16, "oc": 32},
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
