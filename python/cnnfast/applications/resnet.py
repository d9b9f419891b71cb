"""Residual networks: what blocks make is added to what they take."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from cnnfast import layers
from cnnfast.applications._assembling import Network, assembled, classifier
from cnnfast.applications._parts import channels, conv, mean_pool, norm
from cnnfast.applications.imagenet_utils import decode_predictions, preprocess_input

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typing_extensions import Unpack

    from cnnfast.applications._assembling import Options, Weights
    from cnnfast.models import Model

__all__ = ["ResNeXt50", "ResNet18", "ResNet34", "ResNet50", "decode_predictions", "preprocess_input"]

Block = Callable[[Any, int, int, str], Any]  # of maps, width, stride, name


def ResNet18(weights: Weights = None, include_top: bool = True, **options: Unpack[Options]) -> Model:  # noqa: N802
    """A residual network of eight blocks of two convolutions.

    Args:
        weights: None for random ones, "imagenet", or a file.
        include_top: Whether it ends with its dense layer.
        options: What all networks take, such as `input_shape` and `classes`; see `cnnfast.applications`.

    Raises:
        ValueError: If an argument does not suit.
        FileNotFoundError: If there are no such weights.

    Source:
        K. He, X. Zhang, S. Ren, J. Sun, "Deep residual learning for image recognition", arXiv:1512.03385,
        2015; torchvision, `resnet18`.

    Example:
        >>> ResNet18(classes=10, input_shape=(64, 64, 3)).output_shape
        (None, 10)
    """
    network = _network("resnet18", "resnet18-f37072fd.pth", _basic, (2, 2, 2, 2))
    return assembled(network, weights, include_top, **options)


def ResNet34(weights: Weights = None, include_top: bool = True, **options: Unpack[Options]) -> Model:  # noqa: N802
    """A residual network of sixteen blocks of two convolutions.

    Args:
        weights: As of `ResNet18`.
        include_top: As there.
        options: As there.

    Raises:
        ValueError: If an argument does not suit.
        FileNotFoundError: If there are no such weights.

    Source:
        As of `ResNet18`; torchvision, `resnet34`.

    Example:
        >>> ResNet34(include_top=False).output_shape
        (None, None, None, 512)
    """
    network = _network("resnet34", "resnet34-b627a593.pth", _basic, (3, 4, 6, 3))
    return assembled(network, weights, include_top, **options)


def ResNet50(weights: Weights = None, include_top: bool = True, **options: Unpack[Options]) -> Model:  # noqa: N802
    """A residual network of sixteen blocks of three convolutions, the 3x3 ones strided.

    Args:
        weights: As of `ResNet18`.
        include_top: As there.
        options: As there.

    Raises:
        ValueError: If an argument does not suit.
        FileNotFoundError: If there are no such weights.

    Source:
        As of `ResNet18`; torchvision, `resnet50`, whose strides are those of version 1.5.

    Example:
        >>> ResNet50(include_top=False, pooling="max").output_shape
        (None, 2048)
    """
    network = _network("resnet50", "resnet50-0676ba61.pth", _bottleneck, (3, 4, 6, 3))
    return assembled(network, weights, include_top, **options)


def ResNeXt50(weights: Weights = None, include_top: bool = True, **options: Unpack[Options]) -> Model:  # noqa: N802
    """A `ResNet50` whose 3x3 convolutions are in 32 groups of 4 channels and more.

    Args:
        weights: As of `ResNet18`.
        include_top: As there.
        options: As there.

    Raises:
        ValueError: If an argument does not suit.
        FileNotFoundError: If there are no such weights.

    Source:
        S. Xie, R. Girshick, P. Dollar, Z. Tu, K. He, "Aggregated residual transformations for deep neural
        networks", arXiv:1611.05431, 2016; torchvision, `resnext50_32x4d`.

    Example:
        >>> ResNeXt50(include_top=False).output_shape
        (None, None, None, 2048)
    """
    network = _network("resnext50", "resnext50_32x4d-7cdf4587.pth", _grouped_bottleneck, (3, 4, 6, 3))
    return assembled(network, weights, include_top, **options)


def _network(name: str, file: str, block: Block, depths: Sequence[int]) -> Network:
    return Network(name, file, lambda x: _features(x, block, depths), _head)


def _features(x: Any, block: Block, depths: Sequence[int]) -> Any:
    x = norm(conv(x, 64, 7, 2, use_bias=False, name="conv1"), "bn1", "relu")
    x = layers.MaxPooling2D(3, 2, padding=1, name="maxpool")(x)
    for stage, depth in enumerate(depths):
        for number in range(depth):
            strides = 2 if stage and not number else 1
            x = block(x, 64 << stage, strides, f"layer{stage + 1}.{number}")
    return x


def _head(x: Any, classes: int, activation: Any) -> Any:
    return classifier(mean_pool(x), classes, activation, "fc")


def _basic(x: Any, width: int, strides: int, name: str) -> Any:
    y = conv(x, width, 3, strides, use_bias=False, name=f"{name}.conv1")
    y = norm(y, f"{name}.bn1", "relu")
    y = norm(conv(y, width, 3, use_bias=False, name=f"{name}.conv2"), f"{name}.bn2")
    return _added(y, x, strides, name)


def _bottleneck(x: Any, width: int, strides: int, name: str, groups: int = 1, inner: int = 0) -> Any:
    inner = inner or width
    y = norm(conv(x, inner, 1, use_bias=False, name=f"{name}.conv1"), f"{name}.bn1", "relu")
    y = conv(y, inner, 3, strides, groups=groups, use_bias=False, name=f"{name}.conv2")
    y = norm(y, f"{name}.bn2", "relu")
    y = norm(conv(y, 4 * width, 1, use_bias=False, name=f"{name}.conv3"), f"{name}.bn3")
    return _added(y, x, strides, name)


def _grouped_bottleneck(x: Any, width: int, strides: int, name: str) -> Any:
    return _bottleneck(x, width, strides, name, groups=32, inner=2 * width)


def _added(y: Any, x: Any, strides: int, name: str) -> Any:
    """The sum of what a block makes and takes, the latter brought to the former's shape."""
    if strides != 1 or channels(x) != channels(y):
        x = conv(x, channels(y), 1, strides, use_bias=False, name=f"{name}.downsample.0")
        x = norm(x, f"{name}.downsample.1")
    return layers.Activation("relu", name=f"{name}.relu")(layers.Add(name=f"{name}.add")([y, x]))
