"""One's own digits: 100 of MNIST's test digits in each form that pictures come in, through `cnnfast predict`.

Needs MNIST and Pillow. The network is the course's, trained by `cnnfast train mnist`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from bench.gates import Verdict
from numpy.typing import NDArray
from PIL import Image

from cnnfast.datasets import mnist

DIGITS = 100
# The course's network is right on 99 of the 100 as they are.
BAR = 95
EPOCHS = 4
_SEED = 5

Ink = NDArray[np.float64]  # 28 x 28, 0 paper, 1 ink
Page = NDArray[np.float64]  # 0 black, 1 white


def run() -> Iterator[Verdict]:
    """How many of the digits are told in each form."""
    _, (images, labels) = mnist.load_data()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _cnnfast("train", "mnist", "--epochs", str(EPOCHS), "--out", str(folder))
        for form, write in FORMS.items():
            pictures = folder / form.replace(" ", "-").replace("/", "-")
            pictures.mkdir()
            rng = np.random.default_rng(_SEED)
            for number, digit in enumerate(images[:DIGITS]):
                write(digit / 255, pictures / f"{number:03}", rng)
            told = json.loads(_cnnfast("predict", str(folder / "mnist-cnn.cnnfast"), str(pictures), "--json"))
            right = sum(
                answer.get("class") == str(label) for answer, label in zip(told, labels[:DIGITS], strict=True)
            )
            yield Verdict(f"digits, {form}", f"{right} of {DIGITS} right", f">= {BAR}", right >= BAR)


def _cnnfast(*words: str) -> str:
    # The exit code 1 says that some picture could not be told, which counts as wrong.
    done = subprocess.run([sys.executable, "-m", "cnnfast.cli", *words], capture_output=True, text=True)
    if done.returncode not in (0, 1):
        raise RuntimeError(f"cnnfast {words[0]} failed:\n{done.stderr}")
    return done.stdout


# -- forms -----------------------------------------------------------------------------------------------


def _page(
    ink: Ink, side: int, digit: int, top: int, left: int, paper: float = 1.0, black: float = 0.0
) -> Page:
    """Dark ink on a square page, the digit's 28 x 28 made `digit` pixels a side."""
    scaled = np.asarray(
        Image.fromarray(ink.astype(np.float32)).resize((digit, digit), Image.Resampling.BICUBIC), np.float64
    )
    page = np.zeros((side, side))
    page[top : top + digit, left : left + digit] = scaled.clip(0, 1)
    return paper + (black - paper) * page


def _save(page: Page, path: Path, suffix: str = ".png") -> None:
    Image.fromarray(np.rint(page * 255).astype(np.uint8)).save(path.with_suffix(suffix))


def _as_it_is(ink: Ink, path: Path, _: np.random.Generator) -> None:
    _save(ink, path)


def _inverted(ink: Ink, path: Path, _: np.random.Generator) -> None:
    _save(1 - ink, path)


def _filling(ink: Ink, path: Path, _: np.random.Generator) -> None:
    _save(_page(ink, 600, 600, 0, 0), path)


def _small(ink: Ink, path: Path, rng: np.random.Generator) -> None:
    top, left = rng.integers(150, 400, 2).tolist()
    _save(_page(ink, 600, 56, top, left), path)


def _off_centre(ink: Ink, path: Path, rng: np.random.Generator) -> None:
    top, left = (rng.integers(0, 2, 2) * 200).tolist()
    _save(_page(ink, 300, 100, top, left), path)


def _grey(paper: int, black: int) -> Callable[[Ink, Path, np.random.Generator], None]:
    def write(ink: Ink, path: Path, _: np.random.Generator) -> None:
        _save(_page(ink, 280, 200, 40, 40, paper / 255, black / 255), path)

    return write


def _transparent(color: int) -> Callable[[Ink, Path, np.random.Generator], None]:
    def write(ink: Ink, path: Path, _: np.random.Generator) -> None:
        alpha = np.rint(255 * (1 - _page(ink, 280, 200, 40, 40))).astype(np.uint8)
        pixels = np.full((*alpha.shape, 4), color, np.uint8)
        pixels[..., 3] = alpha
        Image.fromarray(pixels).save(path.with_suffix(".png"))

    return write


def _deep(white: int) -> Callable[[Ink, Path, np.random.Generator], None]:
    def write(ink: Ink, path: Path, _: np.random.Generator) -> None:
        page = np.rint(_page(ink, 280, 200, 40, 40, 0.9, 0.1) * white).astype(np.uint16)
        Image.fromarray(page).save(path.with_suffix(".png"))

    return write


def _floats(ink: Ink, path: Path, _: np.random.Generator) -> None:
    page = _page(ink, 280, 200, 40, 40, 0.9, 0.1).astype(np.float32)
    Image.fromarray(page).save(path.with_suffix(".tiff"))


def _photograph(ink: Ink, path: Path, rng: np.random.Generator) -> None:
    """Light from one side, noise, JPEG."""
    page = _page(ink, 400, 180, 120, 90, 0.75, 0.2)
    page = page * np.linspace(0.8, 1.1, 400)[:, None] + rng.normal(0, 0.02, page.shape)
    _save(page.clip(0, 1), path, ".jpg")


FORMS = {
    "28 x 28": _as_it_is,
    "inverted": _inverted,
    "filling a page": _filling,
    "small in a page": _small,
    "off centre": _off_centre,
    "grey paper 140, ink 40": _grey(140, 40),
    "grey paper 126, ink 26": _grey(126, 26),
    "light ink 200 on grey 90": _grey(90, 200),
    "black on transparency": _transparent(0),
    "white on transparency": _transparent(255),
    "16 bits": _deep(65535),
    "12 bits in 16": _deep(4095),
    "floats from 0 to 1": _floats,
    "photographed": _photograph,
}
