"""AlexNet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnnfast import layers
from cnnfast.applications._assembling import Network, assembled, classifier
from cnnfast.applications._parts import conv, pool_to
from cnnfast.applications.imagenet_utils import decode_predictions, preprocess_input

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from cnnfast.applications._assembling import Options, Weights
    from cnnfast.models import Model

__all__ = ["AlexNet", "decode_predictions", "preprocess_input"]


def AlexNet(weights: Weights = None, include_top: bool = True, **options: Unpack[Options]) -> Model:  # noqa: N802
    """AlexNet on one device, without response normalization, as torchvision has it.

    Args:
        weights: None for random ones, "imagenet", or a file.
        include_top: Whether it ends with its dense layers.
        options: What all networks take, such as `input_shape` and `classes`; see `cnnfast.applications`.

    Raises:
        ValueError: If an argument does not suit.
        FileNotFoundError: If there are no such weights.

    Source:
        A. Krizhevsky, "One weird trick for parallelizing convolutional neural networks", arXiv:1404.5997,
        2014; torchvision, `alexnet`.

    Example:
        >>> AlexNet(include_top=False).output_shape
        (None, None, None, 256)
    """
    network = Network("alexnet", "alexnet-owt-7be5be79.pth", _features, _head, least=63)
    return assembled(network, weights, include_top, **options)


def _features(x: Any) -> Any:
    x = conv(x, 64, 11, 4, padding=2, activation="relu", name="features.0")
    x = layers.MaxPooling2D(3, 2, name="features.2")(x)
    x = conv(x, 192, 5, activation="relu", name="features.3")
    x = layers.MaxPooling2D(3, 2, name="features.5")(x)
    x = conv(x, 384, 3, activation="relu", name="features.6")
    x = conv(x, 256, 3, activation="relu", name="features.8")
    x = conv(x, 256, 3, activation="relu", name="features.10")
    return layers.MaxPooling2D(3, 2, name="features.12")(x)


def _head(x: Any, classes: int, activation: Any) -> Any:
    x = layers.Flatten(name="flatten")(pool_to(x, 6, "avgpool"))
    for dropout, dense in ((0, 1), (3, 4)):
        x = layers.Dropout(0.5, name=f"classifier.{dropout}")(x)
        x = layers.Dense(4096, activation="relu", name=f"classifier.{dense}")(x)
    return classifier(x, classes, activation, "classifier.6")
