"""What a layer makes of one image: a picture for each channel, bright where it found its pattern."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cnnfast.models.inputs import fits
from cnnfast.viz._canvas import bare, canvas, grid_columns, is_convolution, mosaic

if TYPE_CHECKING:
    from matplotlib.figure import FigureBase

_MAX_CHANNELS = 64


def plot_feature_maps(
    model: Any, image: ArrayLike, layer: Any = None, figure: "FigureBase | None" = None
) -> "FigureBase":
    """Draws the channels of a layer's output for one image.

    Args:
        model: a built model.
        image: one sample, prepared as for `model.predict`, of the model's input shape without the batch;
            axes of length 1 may be left out.
        layer: a layer of the model, its name, or its place in `model.layers`; None takes the first
            convolution.
        figure: where to draw; None makes a new figure.

    Returns:
        The figure.

    Raises:
        ValueError: there is no such layer, its output is no image, or `image` has another size than the
            model's input.
        ImportError: matplotlib is not installed.

    Example:
        >>> import cnnfast
        >>> model = cnnfast.Sequential([cnnfast.Input((8, 8, 1)), cnnfast.layers.Conv2D(6, 3, name="conv")])
        >>> plot_feature_maps(model, np.ones((8, 8))).axes[0].get_title()
        'conv: 6 feature maps 6 x 6'
    """
    maps, name = layer_maps(model, image, layer)
    channels, height, width = maps.shape
    tiles = maps[:_MAX_CHANNELS]
    grid = mosaic(tiles, grid_columns(len(tiles)))
    figure = canvas(figure, 6.0, 6.0 * grid.shape[0] / grid.shape[1] + 0.5)
    axes = figure.subplots()
    axes.imshow(grid, cmap="magma", interpolation="nearest")
    count = f"{channels}" if channels <= _MAX_CHANNELS else f"the first {_MAX_CHANNELS} of {channels}"
    axes.set_title(f"{name}: {count} feature maps {height} x {width}")
    bare(axes)
    return figure


def layer_maps(model: Any, image: ArrayLike, layer: Any) -> tuple[NDArray[np.float32], str]:
    """A layer's output for one image as (channels, h, w), and the layer's name."""
    layers = list(model.layers)
    position = _position(layers, layer)
    if not isinstance(model.input_shape, tuple):
        raise ValueError(f"Feature maps are of one image, but the model takes several: {model.input_shape}.")
    batch = _as_batch(np.asarray(image), model.input_shape[1:])
    name = layers[position].name
    output = _up_to(model, name).predict(batch, verbose=0)[0]
    if output.ndim != 3:
        raise ValueError(
            f"The output of layer {name!r} has shape {output.shape} for one image, which is no set of "
            "pictures: name a convolution or pooling layer."
        )
    if _data_format(layers[: position + 1]) == "channels_last":
        output = np.moveaxis(output, -1, 0)
    return output, name


def _position(layers: list[Any], layer: Any) -> int:
    if layer is None:
        for position, candidate in enumerate(layers):
            if is_convolution(candidate):
                return position
        raise ValueError("The model has no 2-D convolution: name the layer to draw with layer=.")
    if isinstance(layer, int) and -len(layers) <= layer < len(layers):
        return layer % len(layers)
    for position, candidate in enumerate(layers):
        if candidate is layer or candidate.name == layer:
            return position
    raise ValueError(f"The model has no layer {layer!r}; it has {', '.join(each.name for each in layers)}.")


def _as_batch(image: NDArray[Any], shape: tuple[Any, ...]) -> NDArray[Any]:
    def without_ones(sizes: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(size for size in sizes if size != 1)

    if fits(image.shape, shape):  # also where it may have any size
        return image[np.newaxis]
    if without_ones(image.shape) != without_ones(shape):
        raise ValueError(f"The model takes images of shape {shape}, but this one has shape {image.shape}.")
    return image.reshape(1, *shape)


def _up_to(model: Any, name: str) -> Any:
    """The model up to a layer."""
    from cnnfast.models import Model
    from cnnfast.models.called import CalledBlueprint

    if isinstance(model.blueprint, CalledBlueprint):
        raise ValueError(
            "Feature maps need a Sequential or a Model(inputs, outputs): of a model with a `call` of its own "
            "only the whole is known."
        )
    return Model(model.input, next(n.symbol for n in model.blueprint.nodes if n.layer.name == name))


def _data_format(layers: list[Any]) -> str:
    """The order of axes of a layer, or of the last before it that has its own."""
    from cnnfast.config import image_data_format

    for layer in reversed(layers):
        if hasattr(layer, "data_format"):
            return str(layer.data_format)
    return image_data_format()
