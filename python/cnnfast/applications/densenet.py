"""Densely connected networks: a layer takes what all layers of its block before it made."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from cnnfast import layers
from cnnfast.applications._assembling import Network, assembled, classifier
from cnnfast.applications._parts import channels, concatenate, conv, mean_pool, norm
from cnnfast.applications.imagenet_utils import decode_predictions, preprocess_input

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typing_extensions import Unpack

    from cnnfast.applications._assembling import Options, Weights
    from cnnfast.models import Model

__all__ = ["DenseNet121", "DenseNet201", "decode_predictions", "preprocess_input"]

_GROWTH = 32


def DenseNet121(weights: Weights = None, include_top: bool = True, **options: Unpack[Options]) -> Model:  # noqa: N802
    """A densely connected network with blocks of 6, 12, 24 and 16 pairs of convolutions.

    Args:
        weights: None for random ones, "imagenet", or a file.
        include_top: Whether it ends with its dense layer.
        options: What all networks take, such as `input_shape` and `classes`; see `cnnfast.applications`.

    Raises:
        ValueError: If an argument does not suit.
        FileNotFoundError: If there are no such weights.

    Source:
        G. Huang, Z. Liu, L. van der Maaten, K. Weinberger, "Densely connected convolutional networks",
        arXiv:1608.06993, 2016; torchvision, `densenet121`.

    Example:
        >>> DenseNet121(include_top=False).output_shape
        (None, None, None, 1024)
    """
    network = _network("densenet121", "densenet121-a639ec97.pth", (6, 12, 24, 16))
    return assembled(network, weights, include_top, **options)


def DenseNet201(weights: Weights = None, include_top: bool = True, **options: Unpack[Options]) -> Model:  # noqa: N802
    """A densely connected network with blocks of 6, 12, 48 and 32 pairs of convolutions.

    Args:
        weights: As of `DenseNet121`.
        include_top: As there.
        options: As there.

    Raises:
        ValueError: If an argument does not suit.
        FileNotFoundError: If there are no such weights.

    Source:
        As of `DenseNet121`; torchvision, `densenet201`.

    Example:
        >>> DenseNet201(include_top=False, pooling="avg").output_shape
        (None, 1920)
    """
    network = _network("densenet201", "densenet201-c1103571.pth", (6, 12, 48, 32))
    return assembled(network, weights, include_top, **options)


def _network(name: str, file: str, depths: Sequence[int]) -> Network:
    return Network(name, file, lambda x: _features(x, depths), _head, renames=_name_now)


def _name_now(name: str) -> str:
    """What an array of torchvision's old files is called: "norm.1" became "norm1"."""
    return re.sub(r"(denselayer\d+\.(?:norm|conv))\.([12])\.", r"\1\2.", name)


def _features(x: Any, depths: Sequence[int]) -> Any:
    x = conv(x, 64, 7, 2, use_bias=False, name="features.conv0")
    x = norm(x, "features.norm0", "relu")
    x = layers.MaxPooling2D(3, 2, padding=1, name="features.pool0")(x)
    for stage, depth in enumerate(depths, 1):
        x = _block(x, depth, f"features.denseblock{stage}")
        if stage < len(depths):
            x = _transition(x, f"features.transition{stage}")
    return norm(x, "features.norm5", "relu")


def _block(x: Any, depth: int, name: str) -> Any:
    for number in range(1, depth + 1):
        layer = f"{name}.denselayer{number}"
        y = norm(x, f"{layer}.norm1", "relu")
        y = conv(y, 4 * _GROWTH, 1, use_bias=False, name=f"{layer}.conv1")
        y = norm(y, f"{layer}.norm2", "relu")
        y = conv(y, _GROWTH, 3, use_bias=False, name=f"{layer}.conv2")
        x = concatenate([x, y], f"{layer}.concatenate")
    return x


def _transition(x: Any, name: str) -> Any:
    x = norm(x, f"{name}.norm", "relu")
    x = conv(x, channels(x) // 2, 1, use_bias=False, name=f"{name}.conv")
    return layers.AveragePooling2D(2, name=f"{name}.pool")(x)


def _head(x: Any, classes: int, activation: Any) -> Any:
    return classifier(mean_pool(x), classes, activation, "classifier")
