"""EfficientNet: MobileNetV2's blocks with gates for channels and SiLU; Lite has neither."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnnfast import layers
from cnnfast.applications._assembling import Network, assembled, classifier
from cnnfast.applications._parts import channels, conv, depthwise, drop_path, mean_pool, norm, squeeze_excite
from cnnfast.applications.imagenet_utils import decode_predictions, preprocess_input

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from cnnfast.applications._assembling import Options, Weights
    from cnnfast.models import Model

__all__ = ["EfficientNetB0", "EfficientNetLite0", "decode_predictions", "preprocess_input"]

# Of each stage: how much wider blocks are inside, kernel, stride of the first, channels, blocks.
_STAGES = (
    (1, 3, 1, 16, 1),
    (6, 3, 2, 24, 2),
    (6, 5, 2, 40, 2),
    (6, 3, 2, 80, 3),
    (6, 5, 1, 112, 3),
    (6, 5, 2, 192, 4),
    (6, 3, 1, 320, 1),
)
_DROPPED = 0.2  # share of samples that leave out the last block; those before it less


def EfficientNetB0(weights: Weights = None, include_top: bool = True, **options: Unpack[Options]) -> Model:  # noqa: N802
    """EfficientNet-B0.

    Args:
        weights: None for random ones, "imagenet", or a file.
        include_top: Whether it ends with its dense layer.
        options: What all networks take, such as `input_shape` and `classes`; see `cnnfast.applications`.

    Raises:
        ValueError: If an argument does not suit.
        FileNotFoundError: If there are no such weights.

    Source:
        M. Tan, Q. Le, "EfficientNet: Rethinking model scaling for convolutional neural networks",
        arXiv:1905.11946, 2019; torchvision, `efficientnet_b0`.

    Example:
        >>> EfficientNetB0(include_top=False).output_shape
        (None, None, None, 1280)
    """
    file = "efficientnet_b0_rwightman-7f5810bc.pth"
    network = Network("efficientnet_b0", file, lambda x: _features(x, "silu", True), _head)
    return assembled(network, weights, include_top, **options)


def EfficientNetLite0(weights: Weights = None, include_top: bool = True, **options: Unpack[Options]) -> Model:  # noqa: N802
    """EfficientNet-Lite0: no gates, and ReLU6 in place of SiLU, for small devices.

    Args:
        weights: None for random ones, or a file; torchvision has none.
        include_top: As of `EfficientNetB0`.
        options: As there.

    Raises:
        ValueError: If an argument does not suit.

    Source:
        R. Liu, "Higher accuracy on vision models with EfficientNet-Lite", TensorFlow's blog, 2020.

    Example:
        >>> EfficientNetLite0(include_top=False, pooling="avg").output_shape
        (None, 1280)
    """
    network = Network("efficientnet_lite0", None, lambda x: _features(x, "relu6", False), _head)
    return assembled(network, weights, include_top, **options)


def _features(x: Any, activation: str, gated: bool) -> Any:
    x = conv(x, 32, 3, 2, use_bias=False, name="features.0.0")
    x = norm(x, "features.0.1", activation)
    total, before = sum(depth for *_, depth in _STAGES), 0
    for stage, (widening, kernel_size, strides, filters, depth) in enumerate(_STAGES, 1):
        for number in range(depth):
            name, first = f"features.{stage}.{number}", strides if number == 0 else 1
            y = _widened(x, widening, kernel_size, first, activation, gated, f"{name}.block")
            y = _narrowed(y, filters, f"{name}.block.{(widening != 1) + gated + 1}")
            if first == 1 and channels(x) == filters:
                y = layers.Add(name=f"{name}.add")([drop_path(y, _DROPPED * before / total, name), x])
            x, before = y, before + 1
    last = f"features.{len(_STAGES) + 1}"
    return norm(conv(x, 1280, 1, use_bias=False, name=f"{last}.0"), f"{last}.1", activation)


def _widened(
    x: Any, widening: int, kernel_size: int, strides: int, activation: str, gated: bool, name: str
) -> Any:
    taken, place = channels(x), 0
    if widening != 1:
        x = conv(x, taken * widening, 1, use_bias=False, name=f"{name}.0.0")
        x, place = norm(x, f"{name}.0.1", activation), 1
    x = depthwise(x, kernel_size, strides, use_bias=False, name=f"{name}.{place}.0")
    x = norm(x, f"{name}.{place}.1", activation)
    return squeeze_excite(x, taken // 4, activation, "sigmoid", f"{name}.{place + 1}") if gated else x


def _narrowed(x: Any, filters: int, name: str) -> Any:
    return norm(conv(x, filters, 1, use_bias=False, name=f"{name}.0"), f"{name}.1")


def _head(x: Any, classes: int, activation: Any) -> Any:
    x = layers.Dropout(0.2, name="classifier.0")(mean_pool(x))
    return classifier(x, classes, activation, "classifier.1")
