"""MobileNetV2: blocks that widen, filter each channel alone, and narrow again without an activation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnnfast import layers
from cnnfast.applications._assembling import Network, assembled, classifier
from cnnfast.applications._parts import channels, conv, depthwise, mean_pool, norm
from cnnfast.applications.imagenet_utils import decode_predictions, preprocess_input

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from cnnfast.applications._assembling import Options, Weights
    from cnnfast.models import Model

__all__ = ["MobileNetV2", "decode_predictions", "preprocess_input"]

# Of each stage: how much wider blocks are inside, channels, blocks, stride of the first.
_STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


def MobileNetV2(weights: Weights = None, include_top: bool = True, **options: Unpack[Options]) -> Model:  # noqa: N802
    """MobileNetV2 of width 1.

    Args:
        weights: None for random ones, "imagenet", or a file.
        include_top: Whether it ends with its dense layer.
        options: What all networks take, such as `input_shape` and `classes`; see `cnnfast.applications`.

    Raises:
        ValueError: If an argument does not suit.
        FileNotFoundError: If there are no such weights.

    Source:
        M. Sandler, A. Howard, M. Zhu, A. Zhmoginov, L.-C. Chen, "MobileNetV2: Inverted residuals and linear
        bottlenecks", arXiv:1801.04381, 2018; torchvision, `mobilenet_v2`.

    Example:
        >>> MobileNetV2(classes=2).output_shape
        (None, 2)
    """
    network = Network("mobilenet_v2", "mobilenet_v2-b0353104.pth", _features, _head)
    return assembled(network, weights, include_top, **options)


def _features(x: Any) -> Any:
    x = _normed(conv(x, 32, 3, 2, use_bias=False, name="features.0.0"), "features.0.1")
    place = 1
    for widening, filters, depth, strides in _STAGES:
        for number in range(depth):
            x = _block(x, widening, filters, strides if number == 0 else 1, f"features.{place}")
            place += 1
    return _normed(conv(x, 1280, 1, use_bias=False, name=f"features.{place}.0"), f"features.{place}.1")


def _block(x: Any, widening: int, filters: int, strides: int, name: str) -> Any:
    y, place = x, 0
    if widening != 1:
        y = conv(x, channels(x) * widening, 1, use_bias=False, name=f"{name}.conv.0.0")
        y, place = _normed(y, f"{name}.conv.0.1"), 1
    y = depthwise(y, 3, strides, use_bias=False, name=f"{name}.conv.{place}.0")
    y = _normed(y, f"{name}.conv.{place}.1")
    y = conv(y, filters, 1, use_bias=False, name=f"{name}.conv.{place + 1}")
    y = norm(y, f"{name}.conv.{place + 2}")
    return layers.Add(name=f"{name}.add")([x, y]) if strides == 1 and channels(x) == filters else y


def _normed(x: Any, name: str) -> Any:
    return norm(x, name, "relu6")


def _head(x: Any, classes: int, activation: Any) -> Any:
    x = layers.Dropout(0.2, name="classifier.0")(mean_pool(x))
    return classifier(x, classes, activation, "classifier.1")
