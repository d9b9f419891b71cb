"""What `cnnfast train` learns: a data set by name, or a folder of pictures."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from cnnfast.cli.errors import UserError
from cnnfast.cli.images import ImageInput, Pixels, Preparation
from cnnfast.datasets import _search, fashion_mnist, image_folder, mnist
from cnnfast.utils.memory import free_bytes

Split = tuple[Pixels, NDArray[Any]]  # images (n, h, w, c) and class numbers


@dataclass(frozen=True)
class Loaded:
    """Pictures in memory."""

    train: Split
    test: Split
    source: str  # where they are from
    left_out: str = ""  # which could not be read, in a sentence


class Data(Protocol):
    """What is known before pictures are read."""

    @property
    def name(self) -> str:
        """What to call it, and the files about it."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """The classes by number."""

    @property
    def preparation(self) -> Preparation:
        """What makes other pictures like these."""

    def load(self, wanted: ImageInput) -> Loaded:
        """Reads the pictures for a model."""


@dataclass(frozen=True)
class Named:
    """One of cnnfast.datasets."""

    name: str
    class_names: tuple[str, ...]
    preparation: Preparation
    files: _search.DataSet
    folder: str | None

    def load(self, wanted: ImageInput) -> Loaded:
        """Looks for the files; their pictures have one size and stay as they are."""
        (x, y), (x_test, y_test), place = _search.locate(self.files, self.folder)
        return Loaded((x[..., np.newaxis], y), (x_test[..., np.newaxis], y_test), place)


@dataclass(frozen=True)
class Folder:
    """A folder for each class."""

    path: Path
    listing: image_folder.Listing

    @property
    def name(self) -> str:
        """The folder's own name."""
        return self.path.resolve().name or "pictures"

    @property
    def class_names(self) -> tuple[str, ...]:
        """The names of the folders."""
        return self.listing.class_names

    @property
    def preparation(self) -> Preparation:
        """None but the size."""
        return "plain"

    def load(self, wanted: ImageInput) -> Loaded:
        """Reads every picture once.

        Raises:
            UserError: memory does not hold them, or too few can be read.
        """
        count = len(self.listing.train) + len(self.listing.test)
        # A byte a value as read, four as the network takes it.
        _check_memory(5 * count * wanted.height * wanted.width * wanted.channels, count, wanted)
        mode = "grayscale" if wanted.channels == 1 else "rgb"
        try:
            found = self.listing.load((wanted.height, wanted.width), mode, verbose=1)
        except ValueError as error:
            raise UserError(str(error)) from error
        left_out = ""
        if found.unreadable:
            left_out = (
                f"{len(found.unreadable)} of {count} pictures left out; the first: {found.unreadable[0]}"
            )
        return Loaded(found.train, found.test, f"{self.path}, {self.listing.source}", left_out)


def find(name: str, folder: str | None, seed: int) -> Data:
    """What a person calls `name`.

    Raises:
        UserError: there is no such data set and no such folder, or it holds no classes of pictures.
    """
    if name == "mnist":
        return Named(name, mnist.CLASS_NAMES, "mnist", mnist.DATA_SET, folder)
    if name == "fashion_mnist":
        return Named(name, fashion_mnist.CLASS_NAMES, "drawing", fashion_mnist.DATA_SET, folder)
    if not Path(name).is_dir():
        raise UserError(f"there is no folder {name}; say mnist, fashion_mnist, or where your pictures are")
    try:
        return Folder(Path(name), image_folder.find(name, seed=seed))
    except (ValueError, ImportError) as error:
        raise UserError(str(error)) from error


def _check_memory(needed: int, count: int, wanted: ImageInput) -> None:
    free = free_bytes()
    if needed > free:
        raise UserError(
            f"{count:,} pictures of {wanted.size} take {needed / 1e9:.1f} GB, and {free / 1e9:.1f} GB are "
            "free; train on fewer of them, or on smaller ones (--size)"
        )
