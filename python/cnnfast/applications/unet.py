"""U-Net: down to coarse maps and up again, with the fine ones of the way down joined on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnnfast import layers
from cnnfast.applications._assembling import Network, assembled
from cnnfast.applications._parts import concatenate, conv

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from cnnfast.applications._assembling import Options, Weights
    from cnnfast.models import Model


def UNet(  # noqa: N802
    weights: Weights = None,
    include_top: bool = True,
    filters: int = 64,
    depth: int = 4,
    **options: Unpack[Options],
) -> Model:
    """A U-Net, which tells a class for each pixel; its convolutions keep the size.

    Args:
        weights: None for random ones, or a file.
        include_top: Whether it ends with the 1x1 convolution to classes.
        filters: Channels at full size; twice as many at each half of it.
        depth: How often the size is halved; sides must be multiples of 2 ** depth.
        options: What all networks take, `classes` being 2 and sides None; see `cnnfast.applications`.

    Raises:
        ValueError: If an argument does not suit.

    Source:
        O. Ronneberger, P. Fischer, T. Brox, "U-Net: Convolutional networks for biomedical image
        segmentation", arXiv:1505.04597, 2015, which crops where this pads.

    Example:
        >>> UNet(input_shape=(None, None, 1)).count_params()
        31030658
        >>> UNet(filters=8, depth=2, input_shape=(32, 48, 3), classes=5).output_shape
        (None, 32, 48, 5)
    """
    network = Network("unet", None, lambda x: _features(x, filters, depth), _head, size=None, least=2**depth)
    options.setdefault("classes", 2)
    return assembled(network, weights, include_top, **options)


def _features(x: Any, filters: int, depth: int) -> Any:
    fine = []
    for level in range(depth):
        x = _twice(x, filters << level, f"down.{level}")
        fine.append(x)
        x = layers.MaxPooling2D(2, name=f"down.{level}.pool")(x)
    x = _twice(x, filters << depth, "middle")
    for level in reversed(range(depth)):
        x = layers.Conv2DTranspose(filters << level, 2, 2, name=f"up.{level}.conv0")(x)
        x = _twice(concatenate([fine[level], x], f"up.{level}.concatenate"), filters << level, f"up.{level}")
    return x


def _twice(x: Any, filters: int, name: str) -> Any:
    x = conv(x, filters, 3, activation="relu", name=f"{name}.conv1")
    return conv(x, filters, 3, activation="relu", name=f"{name}.conv2")


def _head(x: Any, classes: int, activation: Any) -> Any:
    x = conv(x, classes, 1, name="classifier")
    return x if activation is None else layers.Activation(activation, name="predictions")(x)
