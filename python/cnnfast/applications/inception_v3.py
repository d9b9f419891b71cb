"""Inception v3: branches of several window sizes, large windows as two narrow ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnnfast import layers
from cnnfast.applications import imagenet_utils
from cnnfast.applications._assembling import Network, assembled, classifier
from cnnfast.applications._parts import Pair, concatenate, conv, mean_pool, norm
from cnnfast.applications.imagenet_utils import decode_predictions

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from cnnfast.applications._assembling import Options, Weights
    from cnnfast.models import Model

__all__ = ["InceptionV3", "decode_predictions", "preprocess_input"]


def InceptionV3(weights: Weights = None, include_top: bool = True, **options: Unpack[Options]) -> Model:  # noqa: N802
    """Inception v3 without its second head, for 299 x 299 images.

    Its weights for ImageNet take pixels from -1 to 1, of this module's `preprocess_input`.

    Args:
        weights: None for random ones, "imagenet", or a file.
        include_top: Whether it ends with its dense layer.
        options: What all networks take, such as `input_shape` and `classes`; see `cnnfast.applications`.

    Raises:
        ValueError: If an argument does not suit.
        FileNotFoundError: If there are no such weights.

    Source:
        C. Szegedy, V. Vanhoucke, S. Ioffe, J. Shlens, Z. Wojna, "Rethinking the Inception architecture for
        computer vision", arXiv:1512.00567, 2015; torchvision, `inception_v3`.

    Example:
        >>> InceptionV3(include_top=False).output_shape
        (None, None, None, 2048)
    """
    file = "inception_v3_google-0cc3c7bd.pth"
    network = Network("inception_v3", file, _features, _head, size=299, least=75, preparation="inception")
    return assembled(network, weights, include_top, **options)


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """Returns pixels of 0 to 255 as this network's weights take them: from -1 to 1.

    Args:
        x: Images, RGB.
        data_format: Keras's argument; nothing here depends on it.

    Example:
        >>> import numpy as np
        >>> preprocess_input(np.array([[[[0.0, 127.5, 255.0]]]]))
        array([[[[-1.,  0.,  1.]]]], dtype=float32)
    """
    return imagenet_utils.preprocess_input(x, data_format, "tf")


def _features(x: Any) -> Any:
    x = _unit(x, 32, 3, "Conv2d_1a_3x3", 2, padding=0)
    x = _unit(x, 32, 3, "Conv2d_2a_3x3", padding=0)
    x = _unit(x, 64, 3, "Conv2d_2b_3x3")
    x = layers.MaxPooling2D(3, 2, name="maxpool1")(x)
    x = _unit(x, 80, 1, "Conv2d_3b_1x1")
    x = _unit(x, 192, 3, "Conv2d_4a_3x3", padding=0)
    x = layers.MaxPooling2D(3, 2, name="maxpool2")(x)
    for letter, pooled in (("b", 32), ("c", 64), ("d", 64)):
        x = _mixed_5(x, pooled, f"Mixed_5{letter}")
    x = _mixed_6a(x, "Mixed_6a")
    for letter, narrow in (("b", 128), ("c", 160), ("d", 160), ("e", 192)):
        x = _mixed_6(x, narrow, f"Mixed_6{letter}")
    x = _mixed_7a(x, "Mixed_7a")
    for letter in "bc":
        x = _mixed_7(x, f"Mixed_7{letter}")
    return x


def _unit(
    x: Any, filters: int, kernel_size: Pair, name: str, strides: int = 1, padding: int | None = None
) -> Any:
    x = conv(x, filters, kernel_size, strides, padding=padding, use_bias=False, name=f"{name}.conv")
    return norm(x, f"{name}.bn", "relu", epsilon=1e-3)


def _units(x: Any, name: str, *units: tuple[str, int, Pair]) -> Any:
    """Units behind one another, each by its ending, filters and window."""
    for ending, filters, kernel_size in units:
        x = _unit(x, filters, kernel_size, f"{name}_{ending}")
    return x


def _pooled(x: Any, filters: int, name: str) -> Any:
    x = layers.AveragePooling2D(3, 1, padding=1, count_include_pad=True, name=f"{name}.average")(x)
    return _unit(x, filters, 1, f"{name}.branch_pool")


def _largest(x: Any, name: str) -> Any:
    return layers.MaxPooling2D(3, 2, name=f"{name}.branch_pool")(x)


def _mixed_5(x: Any, pooled: int, name: str) -> Any:
    parts = [
        _unit(x, 64, 1, f"{name}.branch1x1"),
        _units(x, f"{name}.branch5x5", ("1", 48, 1), ("2", 64, 5)),
        _units(x, f"{name}.branch3x3dbl", ("1", 64, 1), ("2", 96, 3), ("3", 96, 3)),
        _pooled(x, pooled, name),
    ]
    return concatenate(parts, name)


def _mixed_6a(x: Any, name: str) -> Any:
    double = _units(x, f"{name}.branch3x3dbl", ("1", 64, 1), ("2", 96, 3))
    parts = [
        _unit(x, 384, 3, f"{name}.branch3x3", 2, padding=0),
        _unit(double, 96, 3, f"{name}.branch3x3dbl_3", 2, padding=0),
        _largest(x, name),
    ]
    return concatenate(parts, name)


def _mixed_6(x: Any, narrow: int, name: str) -> Any:
    tall, wide = (7, 1), (1, 7)
    once = (("1", narrow, 1), ("2", narrow, wide), ("3", 192, tall))
    twice = (
        ("1", narrow, 1),
        ("2", narrow, tall),
        ("3", narrow, wide),
        ("4", narrow, tall),
        ("5", 192, wide),
    )
    parts = [
        _unit(x, 192, 1, f"{name}.branch1x1"),
        _units(x, f"{name}.branch7x7", *once),
        _units(x, f"{name}.branch7x7dbl", *twice),
        _pooled(x, 192, name),
    ]
    return concatenate(parts, name)


def _mixed_7a(x: Any, name: str) -> Any:
    threes = _unit(x, 192, 1, f"{name}.branch3x3_1")
    sevens = _units(x, f"{name}.branch7x7x3", ("1", 192, 1), ("2", 192, (1, 7)), ("3", 192, (7, 1)))
    parts = [
        _unit(threes, 320, 3, f"{name}.branch3x3_2", 2, padding=0),
        _unit(sevens, 192, 3, f"{name}.branch7x7x3_4", 2, padding=0),
        _largest(x, name),
    ]
    return concatenate(parts, name)


def _mixed_7(x: Any, name: str) -> Any:
    threes = _unit(x, 384, 1, f"{name}.branch3x3_1")
    double = _units(x, f"{name}.branch3x3dbl", ("1", 448, 1), ("2", 384, 3))
    parts = [
        _unit(x, 320, 1, f"{name}.branch1x1"),
        *_crossed(threes, f"{name}.branch3x3_2"),
        *_crossed(double, f"{name}.branch3x3dbl_3"),
        _pooled(x, 192, name),
    ]
    return concatenate(parts, name)


def _crossed(x: Any, name: str) -> list[Any]:
    return [_unit(x, 384, (1, 3), f"{name}a"), _unit(x, 384, (3, 1), f"{name}b")]


def _head(x: Any, classes: int, activation: Any) -> Any:
    x = layers.Dropout(0.5, name="dropout")(mean_pool(x))
    return classifier(x, classes, activation, "fc")
