"""CIFAR-100: 60,000 photographs of a hundred kinds of things in twenty groups, 32 x 32, in colours.

Source: A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009.
"""

import os

from cnnfast.datasets._cifar import Archive, Split, load
from cnnfast.utils.arguments import one_of

ARCHIVE = Archive(
    name="cifar100",
    file="cifar-100-binary.tar.gz",
    size=168513733,
    sha256="58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
    train=("cifar-100-binary/train.bin",),
    test="cifar-100-binary/test.bin",
    labels=2,
)


def load_data(
    label_mode: str = "fine", *, data_dir: str | os.PathLike[str] | None = None
) -> tuple[Split, Split]:
    """CIFAR-100 as uint8 arrays, as in Keras.

    Looks for the archive of its binary form, 169 MB, in `$CNNFAST_DATA/cifar100/`, in the cache
    (`$XDG_CACHE_HOME` or `~/.cache`, there `cnnfast/datasets/cifar100/`), and at its home. It is checked by
    SHA-256 wherever it comes from, and nothing in it is run.

    Args:
        label_mode: "fine": a hundred classes; "coarse": their twenty groups.
        data_dir: a folder with the archive, or with a folder `cifar100` that has it. It is then the only
            place looked in.

    Returns:
        ((x_train, y_train), (x_test, y_test)), all uint8: images (50000, 32, 32, 3) and (10000, 32, 32, 3);
        labels (50000, 1) and (10000, 1).

    Raises:
        FileNotFoundError: no place has the archive. The message lists the places and what each answered.
        ValueError: `label_mode` is not known.

    Example:
        >>> (x_train, y_train), (x_test, y_test) = load_data("coarse")  # doctest: +SKIP
        >>> int(y_train.max())  # doctest: +SKIP
        19
    """
    one_of(label_mode, "label_mode", ("fine", "coarse"))
    return load(ARCHIVE, label_mode == "fine", data_dir)
