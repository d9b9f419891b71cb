"""CIFAR-10: 60,000 photographs of ten kinds of things, 32 x 32, in colours.

Source: A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009.
"""

import os

from cnnfast.datasets._cifar import Archive, Split, load

CLASS_NAMES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)

ARCHIVE = Archive(
    name="cifar10",
    file="cifar-10-binary.tar.gz",
    size=170052171,
    sha256="c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
    train=tuple(f"cifar-10-batches-bin/data_batch_{i}.bin" for i in range(1, 6)),
    test="cifar-10-batches-bin/test_batch.bin",
    labels=1,
)


def load_data(*, data_dir: str | os.PathLike[str] | None = None) -> tuple[Split, Split]:
    """CIFAR-10 as uint8 arrays, as in Keras; the classes' names are in `CLASS_NAMES`.

    Looks for the archive of its binary form, 170 MB, in `$CNNFAST_DATA/cifar10/`, in the cache
    (`$XDG_CACHE_HOME` or `~/.cache`, there `cnnfast/datasets/cifar10/`), and at its home. It is checked by
    SHA-256 wherever it comes from, and nothing in it is run.

    Args:
        data_dir: a folder with the archive, or with a folder `cifar10` that has it. It is then the only place
            looked in.

    Returns:
        ((x_train, y_train), (x_test, y_test)), all uint8: images (50000, 32, 32, 3) and (10000, 32, 32, 3);
        labels (50000, 1) and (10000, 1) from 0 to 9.

    Raises:
        FileNotFoundError: no place has the archive. The message lists the places and what each answered.

    Example:
        >>> (x_train, y_train), (x_test, y_test) = load_data()  # doctest: +SKIP
        >>> CLASS_NAMES[y_train[0, 0]]  # doctest: +SKIP
        'frog'
    """
    return load(ARCHIVE, 0, data_dir)
