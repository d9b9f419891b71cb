"""VGG: nothing but 3x3 convolutions and 2x2 poolings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnnfast import layers
from cnnfast.applications._assembling import Network, assembled, classifier
from cnnfast.applications._parts import conv, pool_to
from cnnfast.applications.imagenet_utils import decode_predictions, preprocess_input

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typing_extensions import Unpack

    from cnnfast.applications._assembling import Options, Weights
    from cnnfast.models import Model

__all__ = ["VGG16", "VGG19", "decode_predictions", "preprocess_input"]


def VGG16(weights: Weights = None, include_top: bool = True, **options: Unpack[Options]) -> Model:  # noqa: N802
    """VGG with thirteen convolutions and three dense layers (configuration D).

    Args:
        weights: None for random ones, "imagenet", or a file.
        include_top: Whether it ends with its dense layers.
        options: What all networks take, such as `input_shape` and `classes`; see `cnnfast.applications`.

    Raises:
        ValueError: If an argument does not suit.
        FileNotFoundError: If there are no such weights.

    Source:
        K. Simonyan, A. Zisserman, "Very deep convolutional networks for large-scale image recognition",
        arXiv:1409.1556, 2014; torchvision, `vgg16`.

    Example:
        >>> VGG16(include_top=False, pooling="avg").output_shape
        (None, 512)
    """
    network = Network("vgg16", "vgg16-397923af.pth", lambda x: _features(x, (2, 2, 3, 3, 3)), _head)
    return assembled(network, weights, include_top, **options)


def VGG19(weights: Weights = None, include_top: bool = True, **options: Unpack[Options]) -> Model:  # noqa: N802
    """VGG with sixteen convolutions and three dense layers (configuration E).

    Args:
        weights: As of `VGG16`.
        include_top: As there.
        options: As there.

    Raises:
        ValueError: If an argument does not suit.
        FileNotFoundError: If there are no such weights.

    Source:
        As of `VGG16`; torchvision, `vgg19`.

    Example:
        >>> VGG19(include_top=False).count_params()
        20024384
    """
    network = Network("vgg19", "vgg19-dcbb9e9d.pth", lambda x: _features(x, (2, 2, 4, 4, 4)), _head)
    return assembled(network, weights, include_top, **options)


def _features(x: Any, depths: Sequence[int]) -> Any:
    place = 0  # among torchvision's modules, of which the ReLUs are some
    for filters, depth in zip((64, 128, 256, 512, 512), depths, strict=True):
        for _ in range(depth):
            x = conv(x, filters, 3, activation="relu", name=f"features.{place}")
            place += 2
        x = layers.MaxPooling2D(2, name=f"features.{place}")(x)
        place += 1
    return x


def _head(x: Any, classes: int, activation: Any) -> Any:
    x = layers.Flatten(name="flatten")(pool_to(x, 7, "avgpool"))
    for place in (0, 3):
        x = layers.Dense(4096, activation="relu", name=f"classifier.{place}")(x)
        x = layers.Dropout(0.5, name=f"classifier.{place + 2}")(x)
    return classifier(x, classes, activation, "classifier.6")
