"""MobileNetV3: blocks of MobileNetV2 with gates for channels and hard swish, found by search."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from cnnfast import layers
from cnnfast.applications._assembling import Network, assembled, classifier
from cnnfast.applications._parts import (
    activate,
    channels,
    conv,
    depthwise,
    divisible,
    mean_pool,
    norm,
    squeeze_excite,
)
from cnnfast.applications.imagenet_utils import decode_predictions, preprocess_input

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typing_extensions import Unpack

    from cnnfast.applications._assembling import Options, Weights
    from cnnfast.models import Model

__all__ = ["MobileNetV3Large", "MobileNetV3Small", "decode_predictions", "preprocess_input"]

_HS, _RE = "hard_swish", "relu"
_norm = partial(norm, epsilon=1e-3, momentum=0.99)


class _Block(NamedTuple):
    kernel_size: int
    inner: int  # channels
    filters: int
    gated: bool
    activation: str
    strides: int


_SMALL = (
    _Block(3, 16, 16, True, _RE, 2),
    _Block(3, 72, 24, False, _RE, 2),
    _Block(3, 88, 24, False, _RE, 1),
    _Block(5, 96, 40, True, _HS, 2),
    _Block(5, 240, 40, True, _HS, 1),
    _Block(5, 240, 40, True, _HS, 1),
    _Block(5, 120, 48, True, _HS, 1),
    _Block(5, 144, 48, True, _HS, 1),
    _Block(5, 288, 96, True, _HS, 2),
    _Block(5, 576, 96, True, _HS, 1),
    _Block(5, 576, 96, True, _HS, 1),
)
_LARGE = (
    _Block(3, 16, 16, False, _RE, 1),
    _Block(3, 64, 24, False, _RE, 2),
    _Block(3, 72, 24, False, _RE, 1),
    _Block(5, 72, 40, True, _RE, 2),
    _Block(5, 120, 40, True, _RE, 1),
    _Block(5, 120, 40, True, _RE, 1),
    _Block(3, 240, 80, False, _HS, 2),
    _Block(3, 200, 80, False, _HS, 1),
    _Block(3, 184, 80, False, _HS, 1),
    _Block(3, 184, 80, False, _HS, 1),
    _Block(3, 480, 112, True, _HS, 1),
    _Block(3, 672, 112, True, _HS, 1),
    _Block(5, 672, 160, True, _HS, 2),
    _Block(5, 960, 160, True, _HS, 1),
    _Block(5, 960, 160, True, _HS, 1),
)


def MobileNetV3Small(weights: Weights = None, include_top: bool = True, **options: Unpack[Options]) -> Model:  # noqa: N802
    """MobileNetV3 of eleven blocks.

    Args:
        weights: None for random ones, "imagenet", or a file.
        include_top: Whether it ends with its dense layers.
        options: What all networks take, such as `input_shape` and `classes`; see `cnnfast.applications`.

    Raises:
        ValueError: If an argument does not suit.
        FileNotFoundError: If there are no such weights.

    Source:
        A. Howard et al., "Searching for MobileNetV3", arXiv:1905.02244, 2019; torchvision,
        `mobilenet_v3_small`.

    Example:
        >>> MobileNetV3Small(include_top=False).output_shape
        (None, None, None, 576)
    """
    network = _network("mobilenet_v3_small", "mobilenet_v3_small-047dcff4.pth", _SMALL, 1024)
    return assembled(network, weights, include_top, **options)


def MobileNetV3Large(weights: Weights = None, include_top: bool = True, **options: Unpack[Options]) -> Model:  # noqa: N802
    """MobileNetV3 of fifteen blocks.

    Args:
        weights: As of `MobileNetV3Small`.
        include_top: As there.
        options: As there.

    Raises:
        ValueError: If an argument does not suit.
        FileNotFoundError: If there are no such weights.

    Source:
        As of `MobileNetV3Small`; torchvision, `mobilenet_v3_large`.

    Example:
        >>> MobileNetV3Large(include_top=False).output_shape
        (None, None, None, 960)
    """
    network = _network("mobilenet_v3_large", "mobilenet_v3_large-8738ca79.pth", _LARGE, 1280)
    return assembled(network, weights, include_top, **options)


def _network(name: str, file: str, blocks: Sequence[_Block], hidden: int) -> Network:
    return Network(
        name,
        file,
        lambda x: _features(x, blocks),
        lambda x, classes, activation: _head(x, hidden, classes, activation),
    )


def _features(x: Any, blocks: Sequence[_Block]) -> Any:
    x = _norm(conv(x, 16, 3, 2, use_bias=False, name="features.0.0"), "features.0.1", _HS)
    for place, block in enumerate(blocks, 1):
        x = _made(block, x, f"features.{place}")
    last = f"features.{len(blocks) + 1}"
    return _norm(conv(x, 6 * channels(x), 1, use_bias=False, name=f"{last}.0"), f"{last}.1", _HS)


def _made(block: _Block, x: Any, name: str) -> Any:
    y, place = x, 0
    if block.inner != channels(x):
        y = conv(y, block.inner, 1, use_bias=False, name=f"{name}.block.0.0")
        y, place = _norm(y, f"{name}.block.0.1", block.activation), 1
    y = depthwise(y, block.kernel_size, block.strides, use_bias=False, name=f"{name}.block.{place}.0")
    y = _norm(y, f"{name}.block.{place}.1", block.activation)
    if block.gated:
        place += 1
        squeezed = divisible(block.inner // 4)
        y = squeeze_excite(y, squeezed, "relu", "hard_sigmoid", f"{name}.block.{place}")
    y = conv(y, block.filters, 1, use_bias=False, name=f"{name}.block.{place + 1}.0")
    y = _norm(y, f"{name}.block.{place + 1}.1")
    same = block.strides == 1 and channels(x) == block.filters
    return layers.Add(name=f"{name}.add")([x, y]) if same else y


def _head(x: Any, hidden: int, classes: int, activation: Any) -> Any:
    x = layers.Dense(hidden, name="classifier.0")(mean_pool(x))
    x = layers.Dropout(0.2, name="classifier.2")(activate(x, _HS, "classifier.0"))
    return classifier(x, classes, activation, "classifier.3")
