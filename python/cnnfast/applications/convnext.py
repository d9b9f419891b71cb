"""ConvNeXt: a convolutional network with the manners of transformers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnnfast import layers
from cnnfast.applications._assembling import Network, assembled, classifier
from cnnfast.applications._parts import activate, channel_axis, conv, depthwise, drop_path, mean_pool
from cnnfast.applications.imagenet_utils import decode_predictions, preprocess_input

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from cnnfast.applications._assembling import Options, Weights
    from cnnfast.models import Model

__all__ = ["ConvNeXtTiny", "decode_predictions", "preprocess_input"]

_STAGES = ((96, 3), (192, 3), (384, 9), (768, 3))  # channels, blocks
_DROPPED = 0.1  # share of samples that leave out the last block; those before it less


def ConvNeXtTiny(weights: Weights = None, include_top: bool = True, **options: Unpack[Options]) -> Model:  # noqa: N802
    """ConvNeXt-T.

    Args:
        weights: None for random ones, "imagenet", or a file.
        include_top: Whether it ends with its normalization and dense layer.
        options: What all networks take, such as `input_shape` and `classes`; see `cnnfast.applications`.

    Raises:
        ValueError: If an argument does not suit.
        FileNotFoundError: If there are no such weights.

    Source:
        Z. Liu et al., "A ConvNet for the 2020s", arXiv:2201.03545, 2022; torchvision, `convnext_tiny`.

    Example:
        >>> ConvNeXtTiny(include_top=False).output_shape
        (None, None, None, 768)
    """
    network = Network("convnext_tiny", "convnext_tiny-983f1562.pth", _features, _head)
    return assembled(network, weights, include_top, **options)


def _features(x: Any) -> Any:
    x = conv(x, _STAGES[0][0], 4, 4, padding=0, name="features.0.0")
    x = _norm(x, "features.0.1")
    last, before = sum(depth for _, depth in _STAGES) - 1, 0
    for stage, (filters, depth) in enumerate(_STAGES):
        if stage:
            x = _norm(x, f"features.{2 * stage}.0")
            x = conv(x, filters, 2, 2, padding=0, name=f"features.{2 * stage}.1")
        for number in range(depth):
            x = _block(x, filters, _DROPPED * before / last, f"features.{2 * stage + 1}.{number}")
            before += 1
    return x


def _block(x: Any, filters: int, dropped: float, name: str) -> Any:
    y = _norm(depthwise(x, 7, name=f"{name}.block.0"), f"{name}.block.2")
    y = activate(conv(y, 4 * filters, 1, name=f"{name}.block.3"), "gelu", f"{name}.block.3")
    y = conv(y, filters, 1, name=f"{name}.block.5")
    y = layers.LayerScale(axis=channel_axis(), name=f"{name}.layer_scale")(y)
    return layers.Add(name=f"{name}.add")([drop_path(y, dropped, name), x])


def _norm(x: Any, name: str) -> Any:
    return layers.LayerNormalization(channel_axis(), 1e-6, name=name)(x)


def _head(x: Any, classes: int, activation: Any) -> Any:
    x = layers.LayerNormalization(-1, 1e-6, name="classifier.0")(mean_pool(x))
    return classifier(x, classes, activation, "classifier.2")
