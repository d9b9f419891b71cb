"""Pictures of a folder in batches, read while they are needed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnfast.config import get_num_threads, next_seed, resolve_data_format
from cnnfast.datasets.image_folder import pictures_in
from cnnfast.utils import image_file
from cnnfast.utils.arguments import one_of, per_axis, real_number
from cnnfast.utils.batched import Batches
from cnnfast.utils.pictures import INTERPOLATIONS, load_img
from cnnfast.utils.to_categorical import to_categorical

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image

    Labels = NDArray[np.int64] | None

_MODES = ("int", "categorical", "binary", None)
_CHANNELS = {"grayscale": 1, "rgb": 3, "rgba": 4}


class PictureBatches(Batches):
    """Batches of pictures that are read while they are needed.

    Attributes:
        class_names: The classes' names, by their number.
        file_paths: The pictures' files.
    """

    class_names: list[str]
    file_paths: list[str]


def image_dataset_from_directory(
    directory: str | os.PathLike[str],
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    color_mode: str = "rgb",
    batch_size: int | None = 32,
    image_size: Any = (256, 256),
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    interpolation: str = "bilinear",
    follow_links: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    data_format: str | None = None,
    format: Any = None,
    verbose: bool = True,
) -> Any:
    """Makes batches of pictures from a folder that has a folder for each class.

    Pictures are read by several threads while they are needed; for what fits into memory,
    `cnnfast.datasets.image_folder` is faster from the second epoch on.

    Args:
        directory: The folder.
        labels: "inferred" from the folders, class numbers in the order of the files' paths, or None.
        label_mode: "int": class numbers (n,); "categorical": one-hot (n, classes); "binary": 0 or 1, (n, 1);
            None: batches are pictures alone.
        class_names: The folders to take, in the order of the classes' numbers; None takes all by their names.
        color_mode: "rgb", "grayscale" or "rgba".
        batch_size: Pictures in a batch; None: one at a time, without a batch's axis.
        image_size: (height, width) that all are brought to.
        shuffle: Whether pictures come in another order in each epoch.
        seed: Which orders these are; None follows `cnnfast.set_random_seed`.
        validation_split: Share of the pictures for validation, in (0, 1).
        subset: "training", "validation", or "both", which returns both; with `validation_split`. Where
            training and validation are asked for one after the other, give a seed, or shuffle=False.
        interpolation: As for `load_img`.
        follow_links: Whether folders that are links are gone through.
        crop_to_aspect_ratio: Whether what does not fit is cut off at the borders; otherwise it is stretched.
        pad_to_aspect_ratio: Whether black borders are added instead.
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        format: Keras's argument; nothing here depends on it.
        verbose: Whether the numbers of files and classes are told.

    Returns:
        What `fit` takes as x and `validation_data`: batches of float32 (n, height, width, channels), numbers
        from 0 to 255, and labels; `class_names` and `file_paths`.

    Raises:
        FileNotFoundError: If there is no such folder.
        ValueError: If it holds no pictures, or an argument does not suit. A file that is no picture is named
            when it is read.
        ImportError: If Pillow is not installed.

    Source:
        Keras 3, `keras.utils.image_dataset_from_directory`.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from PIL import Image
        >>> with TemporaryDirectory() as folder:
        ...     for name in ("black", "white"):
        ...         Path(folder, name).mkdir()
        ...         Image.new("RGB", (9, 6), name).save(Path(folder, name, "1.png"))
        ...     batches = image_dataset_from_directory(folder, image_size=4, shuffle=False, verbose=False)
        ...     x, y = batches[0]
        >>> x.shape, x[:, 0, 0, 0].tolist(), y.tolist(), batches.class_names
        ((2, 4, 4, 3), [0.0, 255.0], [0, 1], ['black', 'white'])
    """
    if label_mode not in _MODES:
        raise ValueError(f"label_mode must be one of {', '.join(map(repr, _MODES))}, got {label_mode!r}")
    one_of(color_mode, "color_mode", tuple(_CHANNELS))
    one_of(interpolation, "interpolation", INTERPOLATIONS)
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ValueError("give crop_to_aspect_ratio or pad_to_aspect_ratio, not both")
    size = per_axis(image_size, "image_size", 2)
    first = resolve_data_format(data_format) == "channels_first"
    share = _share(validation_split, subset)
    paths, numbers, names = _found(Path(directory), labels, class_names, follow_links)
    if label_mode == "binary" and len(names) != 2:
        raise ValueError(f"label_mode 'binary' needs two classes, got {names}")
    if verbose:
        print(f"Found {len(paths)} files belonging to {len(names)} classes.")
    seed = next_seed() if seed is None and shuffle else seed
    order = np.random.default_rng(seed).permutation(len(paths)) if shuffle else np.arange(len(paths))
    aside = round(share * len(paths))

    def read(path: Path) -> NDArray[np.float32]:
        if pad_to_aspect_ratio:
            picture = _padded(load_img(path, color_mode), size)
        else:
            picture = load_img(path, color_mode, size, interpolation, crop_to_aspect_ratio)
        pixels = np.asarray(picture, np.float32).reshape(*size, _CHANNELS[color_mode])
        return pixels.transpose(2, 0, 1) if first else pixels

    def part(places: NDArray[np.int64]) -> PictureBatches:
        def pick(batch: NDArray[np.int64]) -> Any:
            # Threads for this batch alone: a forked child would not have those of its parent, and wait.
            with ThreadPoolExecutor(get_num_threads()) as pool:
                pictures = np.stack(list(pool.map(read, [paths[place] for place in places[batch]])))
            if numbers is None or label_mode is None:
                return pictures
            return pictures, _labelled(numbers[places[batch]], label_mode, len(names))

        if not len(places):
            raise ValueError(
                f"validation_split={validation_split} of {len(paths)} pictures leaves one part empty"
            )
        made = PictureBatches(len(places), pick, batch_size, shuffle, seed)
        made.class_names, made.file_paths = names, [str(paths[place]) for place in places]
        return made

    parts = order[: len(order) - aside], order[len(order) - aside :]
    if subset == "both":
        return part(parts[0]), part(parts[1])
    return part(parts[subset == "validation"])


def _share(split: float | None, subset: str | None) -> float:
    if (split is None) != (subset is None):
        raise ValueError(f"validation_split and subset go together, got {split!r} and {subset!r}")
    if split is None:
        return 0.0
    one_of(subset, "subset", ("training", "validation", "both"))
    return real_number(split, "validation_split", below=1.0)


def _found(
    folder: Path, labels: Any, class_names: Sequence[str] | None, follow_links: bool
) -> tuple[list[Path], Labels, list[str]]:
    """The pictures in the order of their paths, their labels, and the names of the classes."""
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no folder {folder}")
    if isinstance(labels, str) and labels != "inferred":
        raise ValueError(f"labels must be 'inferred', a list or None, got {labels!r}")
    if not isinstance(labels, str):
        paths = pictures_in(folder, follow_links)
        if labels is not None and len(labels) != len(paths):
            raise ValueError(f"there are {len(paths)} pictures in {folder}, and {len(labels)} labels")
        numbers = None if labels is None else np.asarray(labels, np.int64)
        names = [] if numbers is None else list(class_names or map(str, np.unique(numbers)))
        return paths, numbers, names
    folders = sorted(
        each.name for each in folder.iterdir() if each.is_dir() and not each.name.startswith(".")
    )
    names = folders if class_names is None else list(class_names)
    if strange := sorted(set(names) - set(folders)):
        raise ValueError(f"{folder} has no folder {strange[0]!r}; it has {folders}")
    listed = [
        (path, number)
        for number, name in enumerate(names)
        for path in pictures_in(folder / name, follow_links)
    ]
    if not listed:
        raise ValueError(f"{folder} must hold a folder of pictures for each class; it holds no pictures so")
    return [path for path, _ in listed], np.array([number for _, number in listed]), names


def _labelled(numbers: NDArray[np.int64], mode: str, classes: int) -> NDArray[Any]:
    if mode == "int":
        return numbers.astype(np.int32)
    if mode == "categorical":
        return to_categorical(numbers, classes)
    return numbers.astype(np.float32)[:, None]


def _padded(picture: Image, size: Sequence[int]) -> Image:
    from PIL import ImageOps

    return ImageOps.pad(picture, (size[1], size[0]), image_file.pillow().Resampling.BILINEAR)
