"""Fashion-MNIST: 70,000 pictures of clothes, 28 x 28 grey, in MNIST's form.

Source: H. Xiao, K. Rasul, R. Vollgraf, "Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine
Learning Algorithms", arXiv:1708.07747, 2017.
"""

import os

from cnnfast.datasets._search import DataSet, IdxFile, Split, load

CLASS_NAMES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)

DATA_SET = DataSet(
    name="fashion_mnist",
    # The checksums published for this set are those of the compressed files; all mirrors carry the same ones.
    files=(
        IdxFile(
            "train-images-idx3-ubyte",
            (60000, 28, 28),
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            of="gz",
        ),
        IdxFile(
            "train-labels-idx1-ubyte",
            (60000,),
            "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            of="gz",
        ),
        IdxFile(
            "t10k-images-idx3-ubyte",
            (10000, 28, 28),
            "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            of="gz",
        ),
        IdxFile(
            "t10k-labels-idx1-ubyte",
            (10000,),
            "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
            of="gz",
        ),
    ),
    # The original home speaks plain HTTP only, so it comes last; the checksum guards the content.
    mirrors=(
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    ),
)


def load_data(*, data_dir: str | os.PathLike[str] | None = None) -> tuple[Split, Split]:
    """Fashion-MNIST as uint8 arrays, as in Keras; the classes' names are in `CLASS_NAMES`.

    Looks in `$CNNFAST_DATA/fashion_mnist/`, in the cache (`$XDG_CACHE_HOME` or `~/.cache`, there
    `cnnfast/datasets/fashion_mnist/`), and at the usual mirrors. The gzipped files are checked by SHA-256
    whatever place they come from.

    Args:
        data_dir: a folder with the four gzipped IDX files, or with a folder `fashion_mnist` that has them. It
            is then the only place looked in.

    Returns:
        ((x_train, y_train), (x_test, y_test)), all uint8: images (60000, 28, 28) and (10000, 28, 28),
        0 black, 255 white; labels (60000,) and (10000,) from 0 to 9.

    Raises:
        FileNotFoundError: no place has the files. The message lists the places and what each answered.

    Example:
        >>> (x_train, y_train), (x_test, y_test) = load_data()  # doctest: +SKIP
        >>> CLASS_NAMES[y_train[0]]  # doctest: +SKIP
        'Ankle boot'
    """
    return load(DATA_SET, data_dir)
