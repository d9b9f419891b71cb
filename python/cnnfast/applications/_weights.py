"""Weights of known networks: torchvision's files, fetched once, and files of one's own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from cnnfast.applications import imagenet_utils
from cnnfast.io import load_weights
from cnnfast.utils.cache import cache_folder
from cnnfast.utils.fetching import check_digest, find_or_fetch

if TYPE_CHECKING:
    from cnnfast.applications._assembling import Network
    from cnnfast.models import Model

_HOME = "https://download.pytorch.org/models/"
_LARGEST = 600 << 20  # bytes; VGG19's file has 575 million
# What files have that a model need not: Inception's second head, and heads where there are none.
_SECOND_HEAD, _HEADS = "AuxLogits.", ("classifier.", "fc.")


def load(model: Model, network: Network, weights: str | os.PathLike[str], include_top: bool) -> None:
    """Sets a network's weights: all of them, or none where the file is another network's.

    Args:
        model: The model.
        network: What it was made of.
        weights: "imagenet", or a file.
        include_top: Whether it has its head.

    Raises:
        FileNotFoundError: If there is no such file, or it cannot be fetched.
        ValueError: If it is another network's, or Keras's.
    """
    path = imagenet_file(network.file) if weights == "imagenet" and network.file else Path(weights)
    if path.suffix.lower() in (".h5", ".keras"):  # they would fit at times, and compute something else
        raise ValueError(
            f"{path} is Keras's, whose networks of these names pad and normalize otherwise; give a file with "
            "torchvision's names, or make Keras's network layer by layer and take cnnfast.io.load_weights"
        )
    spare = (_SECOND_HEAD,) if include_top else (_SECOND_HEAD, *_HEADS)
    load_weights(model, path, rename=network.renames, by="name", spare=spare)
    if include_top and model.output_shape[-1] == len(imagenet_utils.classes()):
        model.metadata.update(class_names=imagenet_utils.class_names(), preparation=network.preparation)


def imagenet_file(name: str) -> Path:
    """Returns the path of a file of torchvision: in `$CNNFAST_DATA/weights`, the cache, or fetched there.

    Args:
        name: Its name, which ends with the first digits of its SHA-256: "alexnet-owt-7be5be79.pth".

    Raises:
        FileNotFoundError: If it is nowhere; says where it was looked for.

    Example:
        >>> imagenet_file("alexnet-owt-7be5be79.pth").name  # doctest: +SKIP
        'alexnet-owt-7be5be79.pth'
    """
    digits = Path(name).stem.rpartition("-")[2]
    kept = Path(cache_folder(), "weights")
    return find_or_fetch(
        name, "weights", kept, None, _HOME, _LARGEST, lambda path: check_digest(path, "sha256", digits)
    )
