"""Pictures from files, in whatever form: a network sees what a person sees, or a sentence says why not."""

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.nets import refusal

from cnnfast.cli.images import ImageInput, prepare
from cnnfast.cli.ink import BlankError, Ink
from cnnfast.utils import image_file
from cnnfast.utils.image_file import ImageFileError, open_image, read_image

MNIST = ImageInput((1, 28, 28), height=28, width=28, channels=1, channels_first=True)
COLOUR = ImageInput((8, 8, 3), height=8, width=8, channels=3)


def _digit() -> np.ndarray:
    """A seven as MNIST has it: 20 pixels high, its mass in the middle of 28 x 28, 255 the strongest."""
    page = np.zeros((28, 28))
    page[4:7, 8:20] = 1
    for row in range(7, 24):
        right = 20 - (row - 7) // 2
        page[row, right - 3 : right] = 1
    mass = (page * np.arange(28)[:, None]).sum() / page.sum(), (page * np.arange(28)).sum() / page.sum()
    page = np.roll(page, [round(14 - m) for m in mass], (0, 1))
    return np.rint(page * 255).astype(np.uint8)


DIGIT = _digit()
INK = DIGIT / 255  # 0 paper, 1 ink


def _page(scale: int = 10, paper: float = 1.0, black: float = 0.0) -> np.ndarray:
    """The digit dark on paper, large."""
    return paper + (black - paper) * np.kron(INK, np.ones((scale, scale)))


def _bytes(page: np.ndarray) -> Image.Image:
    return Image.fromarray(np.rint(page * 255).astype(np.uint8))


def _transparent(color: int) -> Image.Image:
    ink = np.rint(255 * (1 - _page())).astype(np.uint8)
    return Image.fromarray(np.dstack([*[np.full_like(ink, color)] * 3, ink]))


def _palette() -> Image.Image:
    return _bytes(_page(paper=0.8, black=0.1)).convert("RGB").quantize(8)


def _off_centre() -> Image.Image:
    page = np.ones((500, 700))
    page[200:480, 10:290] = _page()
    return _bytes(page)


FORMS: dict[str, Callable[[], Image.Image]] = {
    "page": lambda: _bytes(_page()),
    "bright ink": lambda: _bytes(1 - _page()),
    "grey paper": lambda: _bytes(_page(paper=140 / 255, black=40 / 255)),
    "bright ink on grey": lambda: _bytes(_page(paper=90 / 255, black=200 / 255)),
    "off centre": _off_centre,
    "black on transparency": lambda: _transparent(0),
    "white on transparency": lambda: _transparent(255),
    "grey with alpha": lambda: _transparent(30).convert("LA"),
    "16 bits": lambda: Image.fromarray(np.rint(_page() * 65535).astype(np.uint16)),
    "12 bits in 16": lambda: Image.fromarray(np.rint(_page(paper=0.9) * 4095).astype(np.uint16)),
    "floats": lambda: Image.fromarray(_page(paper=0.9, black=0.2).astype(np.float32)),
    "floats to 255": lambda: Image.fromarray((_page(paper=0.9, black=0.2) * 255).astype(np.float32)),
    "32 bits": lambda: Image.fromarray(np.rint(_page() * 1e6).astype(np.int32)),
    "one bit": lambda: _bytes(_page()).convert("1"),
    "palette": _palette,
    "cmyk": lambda: _bytes(_page()).convert("RGB").convert("CMYK"),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_becomes_mnists_digit(form: str, tmp_path: Path) -> None:
    path = tmp_path / "digit.tiff"
    FORMS[form]().save(path)
    prepared = prepare(path, MNIST, "mnist")
    got = prepared.pixels[..., 0].astype(int)
    assert np.abs(got - DIGIT).mean() < 3, form
    assert prepared.changes[-1] == "cropped and centred like MNIST's digits"


def test_mnists_own_digits_stay_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "digit.png"
    Image.fromarray(DIGIT).save(path)
    prepared = prepare(path, MNIST, "mnist")
    np.testing.assert_array_equal(prepared.pixels[..., 0], DIGIT)
    assert prepared.changes == ()
    np.testing.assert_array_equal(prepare(path, MNIST, "plain").pixels[..., 0], DIGIT)


def test_a_photographs_shading_and_noise_are_paper(tmp_path: Path) -> None:
    path = tmp_path / "digit.jpg"
    light = np.linspace(0.75, 1.1, 280)[:, None]
    noise = np.random.default_rng(0).normal(0, 0.02, (280, 280))
    _bytes((_page(paper=0.75, black=0.2) * light + noise).clip(0, 1)).save(path)
    got = prepare(path, MNIST, "mnist").pixels[..., 0].astype(int)
    assert np.abs(got - DIGIT).mean() < 8
    assert got[:, :3].max() < 20


@pytest.mark.parametrize("side", [20, 100])
def test_ink_fills_the_box_and_its_mass_is_the_middle(side: int) -> None:
    """A wide bar: 20 pixels long, and nothing of it lost though its box would stick out."""
    values = np.zeros((3 * side, 3 * side), np.float32)
    values[5 : 5 + side // 5, 7 : 7 + side] = 1
    page = Ink(values).centred(28, 28).values
    rows, columns = np.flatnonzero(page.any(1)), np.flatnonzero(page.any(0))
    assert (rows[0], rows[-1], columns[0], columns[-1]) == (12, 15, 4, 23)
    assert page.max() == 1


def test_ink_is_never_pushed_off_the_page() -> None:
    """All the mass at one end of a long thin line."""
    values = np.zeros((20, 20), np.float32)
    values[:, 10] = 0.3
    values[18:, 3:17] = 1
    page = Ink(values).centred(28, 28).values
    assert np.flatnonzero(page.any(1)).tolist() == list(range(20))


@pytest.mark.parametrize("how", ["mnist", "drawing"])
@pytest.mark.parametrize(
    "page",
    [
        np.full((30, 30), 0.7),  # a blank page
        np.random.default_rng(1).normal(0.6, 0.02, (99, 99)),  # scanned
        np.random.default_rng(1).uniform(0, 1, (99, 99)),  # a photo has no paper
    ],
)
def test_pictures_without_ink_get_a_sentence(page: np.ndarray, how: str, tmp_path: Path) -> None:
    path = tmp_path / "blank.png"
    _bytes(page.clip(0, 1)).save(path)
    with pytest.raises(BlankError) as info:
        prepare(path, MNIST, how)  # type: ignore[arg-type]
    refusal(info.value, "blank.png shows no drawing", "plain paper", "--raw")
    assert prepare(path, MNIST, "plain").pixels.shape == (28, 28, 1)


def test_changes_are_told() -> None:
    paper = np.full((10, 10), 140 / 255, np.float32)
    paper[3:6, 4] = 40 / 255
    assert Ink.of(paper).changes == ("dark ink made white", "contrast raised 2.5 times")
    bright = np.zeros((10, 10), np.float32)
    bright[3:6, 4] = 1
    assert Ink.of(bright).changes == ()


def test_plain_pictures_keep_proportions_and_colours(tmp_path: Path) -> None:
    pixels = np.full((4, 8, 3), (200, 30, 90), np.uint8)
    path = tmp_path / "wide.png"
    Image.fromarray(pixels).save(path)
    got = read_image(path, (8, 8), 3)
    np.testing.assert_array_equal(got, np.full((8, 8, 3), (200, 30, 90)))
    np.testing.assert_array_equal(prepare(path, COLOUR, "mnist").pixels, got, "colours are never ink")
    assert read_image(path, (8, 8), 1).shape == (8, 8, 1)


def test_a_picture_of_the_wanted_size_is_untouched(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_image(tmp_path / "a.png", (8, 8), 3), pixels)


def test_rotation_by_exif_is_undone(tmp_path: Path) -> None:
    pixels = np.zeros((6, 4, 3), np.uint8)
    pixels[0] = 255  # the upper edge is bright
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    turned = Image.fromarray(np.rot90(pixels).copy())
    turned.save(tmp_path / "turned.png", exif=exif)
    np.testing.assert_array_equal(np.asarray(open_image(tmp_path / "turned.png", 100)), pixels)


def test_huge_pictures_are_refused_before_they_are_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "huge.png"
    Image.new("L", (400, 300)).save(path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 400 * 300 - 1)
    monkeypatch.setattr(image_file, "_plain", lambda *_: pytest.fail("was decoded"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ImageFileError) as info:
            open_image(path, 100)
    refusal(info.value, "huge.png", "400 x 300")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)  # more than twice this Pillow refuses by itself
    with pytest.raises(ImageFileError) as info:
        open_image(path, 100)
    refusal(info.value, "huge.png")


def test_large_photographs_are_read_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """JPEG leaves out what is too fine, so that even a size past the limit can be read."""
    path = tmp_path / "photo.jpg"
    Image.new("RGB", (1600, 1200), (10, 200, 30)).save(path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1600 * 1200 - 1)
    assert max(open_image(path, 100).size) <= 400
    assert read_image(path, (30, 40), 3)[15, 20].tolist() == pytest.approx([10, 200, 30], abs=3)


@pytest.mark.parametrize(
    "content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n" + b"\0" * 40, b"\xff\xd8\xff\xe0" + b"\1" * 99]
)
def test_files_that_are_no_pictures(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "bad.png"
    path.write_bytes(content)
    with pytest.raises(ImageFileError) as info:
        open_image(path, 100)
    refusal(info.value, "bad.png")


def test_cut_off_files_and_floats_that_are_not_finite(tmp_path: Path) -> None:
    _bytes(_page()).save(tmp_path / "whole.png")
    whole = (tmp_path / "whole.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    Image.fromarray(np.full((5, 5), np.nan, np.float32)).save(tmp_path / "nan.tiff")
    for name in ("cut.png", "nan.tiff", "missing.png"):
        with pytest.raises(ImageFileError) as info:
            open_image(tmp_path / name, 100)
        refusal(info.value, name)
