"""ImageNet's 1000 classes, and its images as networks take them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from cnnfast.config import resolve_data_format
from cnnfast.utils.arguments import one_of, whole_number
from cnnfast.utils.samples import as_array

# Of the red, green and blue of ImageNet's images, from 0 to 255; torchvision's.
_MEAN = np.array([0.485, 0.456, 0.406], np.float32) * 255
_DEVIATION = np.array([0.229, 0.224, 0.225], np.float32) * 255
_CAFFE_MEAN = np.array([103.939, 116.779, 123.68], np.float32)  # blue, green, red


def preprocess_input(x: Any, data_format: str | None = None, mode: str = "torch") -> Any:
    """Returns pixels of 0 to 255 as weights take them that learnt ImageNet.

    Formula: torch (x / 255 - mean) / deviation, channel by channel; tf x / 127.5 - 1; caffe blue, green, red
    less their means.

    Args:
        x: Images, RGB, of any type; or a symbolic tensor of a model.
        data_format: Where the channels are; None for `cnnfast.image_data_format()`.
        mode: "torch" for weights of torchvision, which all networks here but `InceptionV3` take; "tf" and
            "caffe" for weights of Keras.

    Returns:
        float32 of the same shape; `x` stays as it is.

    Raises:
        ValueError: If an argument is none of these, or there are not three channels.

    Source:
        Keras 3, `keras.applications.imagenet_utils.preprocess_input`.

    Example:
        >>> preprocess_input(np.zeros((1, 1, 3))).round(3)
        array([[[-2.118, -2.036, -1.804]]], dtype=float32)
    """
    one_of(mode, "mode", ("torch", "tf", "caffe"))
    first = resolve_data_format(data_format) == "channels_first"
    symbolic = hasattr(x, "sources") or hasattr(x, "graph")
    pixels = x if symbolic else as_array(x, "x").astype(np.float32)
    if len(pixels.shape) < 3 or pixels.shape[-3 if first else -1] != 3:
        raise ValueError(
            f"x must be images in red, green and blue, the channels {'before' if first else 'after'} height "
            f"and width, got shape {pixels.shape}; np.repeat makes them of grey ones"
        )
    if mode == "tf":
        return pixels / np.float32(127.5) - np.float32(1)
    if mode == "caffe":
        pixels = pixels[..., ::-1, :, :] if first else pixels[..., ::-1]
        return pixels - _along(_CAFFE_MEAN, first)
    return (pixels - _along(_MEAN, first)) / _along(_DEVIATION, first)


def _along(channels: Any, first: bool) -> Any:
    return channels.reshape(3, 1, 1) if first else channels


@cache
def classes() -> tuple[tuple[str, str], ...]:
    """Returns (WordNet's number, name) of each class, in the order of the networks' outputs.

    Example:
        >>> classes()[285]
        ('n02124075', 'Egyptian cat')
    """
    lines = Path(__file__).with_name("imagenet_classes.txt").read_text(encoding="utf-8").splitlines()
    return tuple((number, name) for number, _, name in (line.partition(" ") for line in lines))


def class_names() -> list[str]:
    """Returns the name of each class; two kinds of cranes, maillots and others share theirs.

    Example:
        >>> class_names()[:2]
        ['tench', 'goldfish']
    """
    return [name for _, name in classes()]


def decode_predictions(preds: Any, top: int = 5) -> list[list[tuple[str, str, float]]]:
    """Returns what networks that learnt ImageNet saw, likeliest first.

    Args:
        preds: Probabilities (n, 1000).
        top: How many classes of each image.

    Returns:
        Of each image (WordNet's number, name, probability) of each of these classes.

    Raises:
        ValueError: If there are not 1000 classes.

    Source:
        Keras 3, `keras.applications.imagenet_utils.decode_predictions`.

    Example:
        >>> decode_predictions(np.eye(1000)[[285]], top=1)
        [[('n02124075', 'Egyptian cat', 1.0)]]
    """
    predictions = np.asarray(preds)
    if predictions.ndim != 2 or predictions.shape[1] != len(classes()):
        raise ValueError(
            f"decode_predictions tells ImageNet's 1000 classes, of predictions (n, 1000); got shape "
            f"{predictions.shape}"
        )
    count = whole_number(top, "top", 1)
    best = np.argsort(-predictions, axis=1, kind="stable")[:, :count]
    return [
        [(*classes()[place], float(row[place])) for place in places]
        for row, places in zip(predictions, best.tolist(), strict=True)
    ]
