"""What tests of the command share: pictures to learn from, small models, and errors in a line."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import cnnfast
from cnnfast.cli import main

Captured = pytest.CaptureFixture[str]

COLOURS = {"green": (20, 160, 30), "red": (180, 20, 20), "white": (230, 230, 230)}


def write_colours(folder: Path) -> Path:
    """Noisy pictures of three colours, in train/ and test/."""
    rng = np.random.default_rng(0)
    for part, count in (("train", 40), ("test", 6)):
        for name, colour in COLOURS.items():
            (folder / part / name).mkdir(parents=True)
            for number in range(count):
                noise = rng.normal(0, 20, (10, 12, 3))
                pixels = (np.array(colour) + noise).clip(0, 255).astype(np.uint8)
                Image.fromarray(pixels).save(folder / part / name / f"{number}.png")
    return folder


def linear(shape: tuple[int, ...], classes: int, activation: str | None = "softmax") -> Any:
    """A model of one dense layer."""
    dense = cnnfast.layers.Dense(classes, activation=activation)
    return cnnfast.Sequential([cnnfast.Input(shape), cnnfast.layers.Flatten(), dense])


def error_line(arguments: list[str], capsys: Captured) -> str:
    """The one line on stderr."""
    assert main(arguments) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("cnnfast: error: ")
    return lines[0]
