"""What only the convolution with pixels in the lanes does: planes with their border, tiles of pixels."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from support.conv_cases import ConvCase, check_values, chosen_algorithm
from support.nets import refusal

from cnnfast import Sequential, layers

PLAIN = ConvCase(2, (7, 9), 3, 6, 1, (3, 3), (1, 1), (1, 1), "same", "channels_last")


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("width", [7, 8, 9, 15, 16, 17, 31, 32, 33, 65])
def test_width_around_the_tile(width: int, data_format: str, isa: str) -> None:
    case = replace(PLAIN, image=(3, width), data_format=data_format)
    check_values(case, case.network("pixels"), "pixels")


@pytest.mark.parametrize("oc", [1, 2, 5, 6, 7, 12, 13, 15, 16, 17, 22, 33])
def test_outputs_around_the_tile(oc: int, isa: str) -> None:
    case = replace(PLAIN, oc=oc)
    check_values(case, case.network("pixels"), "pixels")


@pytest.mark.parametrize(
    "changes",
    [
        {"image": (40, 33), "batch": 1},  # several tasks
        {"strides": (2, 1)},
        {"dilation": (2, 3)},
        {"padding": ((0, 2), (3, 1))},
        {"image": (29,), "kernel": (5,), "strides": (1,), "dilation": (2,)},
        {"ic": 17},
    ],
    ids=str,
)
def test_geometry(changes: dict[str, Any], isa: str) -> None:
    case = replace(PLAIN, **changes)
    check_values(case, case.network("pixels"), "pixels")


def test_behind_another(isa: str) -> None:
    """Of a source in blocks of sixteen channels, of which it has twenty."""
    model = Sequential([layers.Input((9, 11, 5)), layers.Conv2D(20, 1), layers.Conv2D(5, 3, padding="same")])
    x = np.random.default_rng(0).normal(size=(2, 9, 11, 5)).astype(np.float32)
    model.network.force_algorithm("conv2d", "blocked")
    expected = model.predict(x, verbose=0)
    model.network.force_algorithm("conv2d", "pixels")
    np.testing.assert_allclose(model.predict(x, verbose=0), expected, rtol=1e-5, atol=1e-5)


def test_few_outputs_of_one_picture_take_it() -> None:
    lenet = replace(PLAIN, batch=1, image=(28, 28), ic=1, oc=6, kernel=(5, 5))
    assert chosen_algorithm(lenet.network(), 1) == "pixels"
    assert chosen_algorithm(replace(lenet, oc=64, ic=16).network(), 1) != "pixels"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"groups": 3}, ["one group", "3"]),
        ({"strides": (1, 2)}, ["neighbouring", "2"]),
        ({"transposed": True}, ["transposed"]),
        (
            {"image": (3, 4, 5), "kernel": (2, 2, 2), "strides": (1, 1, 1), "dilation": (1, 1, 1)},
            ["volumes"],
        ),
    ],
    ids=str,
)
def test_refusals(changes: dict[str, Any], words: list[str]) -> None:
    network = replace(PLAIN, **changes).network("pixels")
    with pytest.raises(ValueError, match="pixels") as info:
        network.plan(2, "predict")
    refusal(info.value, "conv2d", *words)
