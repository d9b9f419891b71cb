"""One's own pictures: a folder for each class."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cnnfast.config import get_num_threads
from cnnfast.utils import image_file
from cnnfast.utils.arguments import per_axis

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Split = tuple[NDArray[np.uint8], NDArray[np.int32]]

File = tuple[Path, int]  # and its class

_TEST_NAMES = ("test", "val", "valid", "validation")
_CHANNELS = {"grayscale": 1, "rgb": 3}


class ImageFolder(NamedTuple):
    """Pictures in memory.

    Attributes:
        train: (images, labels) to learn: uint8 (n, height, width, channels) and class numbers (n,).
        test: The same, to test with.
        class_names: The names of the classes, by their number.
        unreadable: Why files were left out, a sentence for each.
    """

    train: Split
    test: Split
    class_names: tuple[str, ...]
    unreadable: tuple[str, ...]


@dataclass(frozen=True)
class Listing:
    """Which pictures a folder has, before any is read."""

    class_names: tuple[str, ...]
    train: list[File]
    test: list[File]
    source: str  # how the two were told apart

    def load(self, image_size: tuple[int, int], color_mode: str = "rgb", verbose: int = 0) -> ImageFolder:
        """Reads them; see `load_data`."""
        if color_mode not in _CHANNELS:
            raise ValueError(f"color_mode must be 'grayscale' or 'rgb', got {color_mode!r}")
        height, width = per_axis(image_size, "image_size", 2)
        files, shape = self.train + self.test, (height, width, _CHANNELS[color_mode])
        images = np.empty((len(files), *shape), np.uint8)
        labels = np.array([label for _, label in files], np.int32)
        sound = np.ones(len(files), bool)
        unreadable = []

        from multiprocessing.pool import ThreadPool

        def read(path: Path) -> NDArray[np.uint8] | image_file.ImageFileError:
            try:
                return image_file.read_image(path, (height, width), shape[-1])
            except image_file.ImageFileError as error:
                return error

        with ThreadPool(get_num_threads()) as pool:
            pictures = pool.imap(read, [path for path, _ in files], chunksize=16)
            for index, picture in enumerate(_with_bar(pictures, len(files), verbose)):
                if isinstance(picture, image_file.ImageFileError):
                    sound[index] = False
                    unreadable.append(str(picture))
                else:
                    images[index] = picture
        if unreadable:
            images, labels = images[sound], labels[sound]
        at = int(sound[: len(self.train)].sum())
        if not 0 < at < len(images):
            raise ValueError(f"too few pictures can be read: {'; '.join(unreadable[:3])}")
        return ImageFolder(
            (images[:at], labels[:at]), (images[at:], labels[at:]), self.class_names, tuple(unreadable)
        )


def load_data(
    directory: str | os.PathLike[str],
    image_size: tuple[int, int] = (256, 256),
    color_mode: str = "rgb",
    validation_split: float = 0.2,
    seed: int = 0,
) -> ImageFolder:
    """Pictures as uint8 arrays, from a folder that has a folder for each class.

    `directory` holds the classes' folders, or `train` and one of `test`, `val`, `valid` and `validation` that
    hold them. Where no folder is there to test with, a part of each class is put aside for that. Every
    picture is taken whole, its proportions kept, with its border's colour beside it where these differ from
    `image_size`.

    Args:
        directory: The folder.
        image_size: (height, width) that all are brought to.
        color_mode: "rgb" or "grayscale".
        validation_split: Share of each class to test with where no folder is named so, in (0, 1).
        seed: Which pictures these are.

    Returns:
        (train, test, class_names, unreadable), classes in the order of their names.

    Raises:
        FileNotFoundError: If there is no such folder.
        ValueError: If it does not hold at least two classes with pictures, or none can be read.
        ImportError: If Pillow is not installed.

    Source:
        Keras 3, `keras.utils.image_dataset_from_directory`.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> from PIL import Image
        >>> with TemporaryDirectory() as folder:
        ...     for name in ("black/1.png", "black/2.png", "white/1.png", "white/2.png"):
        ...         path = Path(folder, name)
        ...         path.parent.mkdir(exist_ok=True)
        ...         Image.new("RGB", (9, 6), path.parent.name).save(path)
        ...     train, test, class_names, _ = load_data(folder, (4, 4))
        >>> train[0].shape, test[1].tolist(), class_names
        ((2, 4, 4, 3), [0, 1], ('black', 'white'))
    """
    return find(directory, validation_split, seed).load(image_size, color_mode)


def find(directory: str | os.PathLike[str], validation_split: float = 0.2, seed: int = 0) -> Listing:
    """Lists the pictures without reading them; see `load_data`."""
    folder = Path(directory)
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no folder {folder}")
    # A folder of that name without folders in it is a class: of trains, for one.
    parts = {path.name.lower(): path for path in _folders(folder) if _folders(path)}
    train_folder = parts.get("train", folder)
    test_folder = next((parts[name] for name in _TEST_NAMES if name in parts), None)
    if train_folder is folder and test_folder is not None:
        raise ValueError(
            f"{folder} has {test_folder.name}/ with folders in it, but no train/ beside it: put the folders "
            "to learn from there"
        )
    classes = _classes(train_folder)
    names = tuple(classes)
    if len(names) < 2:
        raise ValueError(
            f"{train_folder} must hold a folder of pictures for each of two classes or more, such as "
            f"{train_folder / 'cat'} and {train_folder / 'dog'}; it holds {len(names)}"
        )
    files = _labelled(classes, names)
    if test_folder is None:
        return Listing(
            names, *_split(files, validation_split, seed), f"{validation_split:.0%} put aside to test"
        )
    test_classes = _classes(test_folder)
    if strange := sorted(set(test_classes) - set(names)):
        raise ValueError(f"{test_folder} has a class {strange[0]!r} that {train_folder} has not")
    if not test_classes:
        raise ValueError(f"{test_folder} holds no folder of pictures for a class of {train_folder}")
    return Listing(
        names, files, _labelled(test_classes, names), f"{train_folder.name}/ and {test_folder.name}/"
    )


def pictures_in(folder: Path, follow_links: bool = False) -> list[Path]:
    """The files of a folder, and of folders in it, whose names end as a picture's do, in order."""
    endings = image_file.suffixes()
    return sorted(
        Path(place, name)
        for place, _, names in os.walk(folder, followlinks=follow_links)
        for name in names
        if os.path.splitext(name)[1].lower() in endings and not name.startswith(".")
    )


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def _classes(folder: Path) -> dict[str, list[Path]]:
    found = {path.name: pictures_in(path) for path in _folders(folder)}
    return {name: pictures for name, pictures in found.items() if pictures}


def _labelled(classes: dict[str, list[Path]], names: Sequence[str]) -> list[File]:
    return [(path, label) for label, name in enumerate(names) for path in classes.get(name, ())]


def _split(files: list[File], share: float, seed: int) -> tuple[list[File], list[File]]:
    """A share of every class, one picture at least where there are two, apart from the rest."""
    if not 0 < share < 1:
        raise ValueError(f"validation_split must lie in (0, 1), got {share}")
    from numpy.random import default_rng

    labels = np.array([label for _, label in files])
    aside = np.zeros(len(files), bool)
    rng = default_rng(seed)
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        count = min(max(round(share * len(members)), 1), len(members) - 1)
        aside[members[:count]] = True
    if not aside.any():
        raise ValueError("no class has two pictures, one to learn and one to test with")
    parts: tuple[list[File], list[File]] = ([], [])
    for file, is_aside in zip(files, aside.tolist(), strict=True):
        parts[is_aside].append(file)
    return parts


def _with_bar(pictures: Any, count: int, verbose: int) -> Iterator[Any]:
    from tqdm import tqdm

    yield from tqdm(
        pictures, "reading", count, unit=" pictures", leave=False, disable=None if verbose else True
    )
