"""SqueezeNet: few channels between many, and no dense layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnnfast import layers
from cnnfast.applications._assembling import Network, assembled
from cnnfast.applications._parts import concatenate, conv
from cnnfast.applications.imagenet_utils import decode_predictions, preprocess_input
from cnnfast.utils.arguments import one_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typing_extensions import Unpack

    from cnnfast.applications._assembling import Options, Weights
    from cnnfast.models import Model

__all__ = ["SqueezeNet", "decode_predictions", "preprocess_input"]

_FILES = {"1.0": "squeezenet1_0-b66bff10.pth", "1.1": "squeezenet1_1-b8a52dc0.pth"}
# Squeezed channels of each module; 0 is a pooling.
_MODULES = {
    "1.0": (0, 16, 16, 32, 0, 32, 48, 48, 64, 0, 64),
    "1.1": (0, 16, 16, 0, 32, 32, 0, 48, 48, 64, 64),
}


def SqueezeNet(  # noqa: N802
    weights: Weights = None, include_top: bool = True, version: str = "1.0", **options: Unpack[Options]
) -> Model:
    """SqueezeNet, whose head is a convolution and the mean of what it makes.

    Args:
        weights: None for random ones, "imagenet", or a file.
        include_top: Whether it ends with its head.
        version: "1.0", the paper's, or "1.1", which has the same accuracy and 2.4 times less to compute.
        options: What all networks take, such as `input_shape` and `classes`; see `cnnfast.applications`.

    Raises:
        ValueError: If an argument does not suit.
        FileNotFoundError: If there are no such weights.

    Source:
        F. Iandola et al., "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB model
        size", arXiv:1602.07360, 2016; torchvision, `squeezenet1_0` and `squeezenet1_1`.

    Example:
        >>> SqueezeNet().count_params(), SqueezeNet(version="1.1").count_params()
        (1248424, 1235496)
    """
    one_of(version, "version", tuple(_FILES))
    modules = _MODULES[version]
    stem = (96, 7) if version == "1.0" else (64, 3)
    network = Network("squeezenet", _FILES[version], lambda x: _features(x, modules, *stem), _head, least=21)
    return assembled(network, weights, include_top, **options)


def _features(x: Any, modules: Sequence[int], filters: int, kernel_size: int) -> Any:
    x = conv(x, filters, kernel_size, 2, padding=0, activation="relu", name="features.0")
    for place, squeezed in enumerate(modules, 2):  # behind the convolution and its ReLU
        name = f"features.{place}"
        x = _fire(x, squeezed, name) if squeezed else layers.MaxPooling2D(3, 2, ceil_mode=True, name=name)(x)
    return x


def _fire(x: Any, squeezed: int, name: str) -> Any:
    x = conv(x, squeezed, 1, activation="relu", name=f"{name}.squeeze")
    ones = conv(x, 4 * squeezed, 1, activation="relu", name=f"{name}.expand1x1")
    threes = conv(x, 4 * squeezed, 3, activation="relu", name=f"{name}.expand3x3")
    return concatenate([ones, threes], f"{name}.concatenate")


def _head(x: Any, classes: int, activation: Any) -> Any:
    x = layers.Dropout(0.5, name="classifier.0")(x)
    x = conv(x, classes, 1, activation="relu", name="classifier.1")
    x = layers.GlobalAveragePooling2D(name="classifier.3")(x)
    return layers.Activation(activation, name="predictions")(x)
