"""The kernels of a convolution as small images: the first layer's show the strokes that it looks for."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cnnfast.viz._canvas import bare, canvas, grid_columns, is_convolution, mosaic

if TYPE_CHECKING:
    from matplotlib.figure import FigureBase

# More input channels than this make tiles too small to see; the rest are named in the title.
_MAX_INPUT_CHANNELS = 8
_MAX_FILTERS = 64
_GAP_COLOR = "#c8ccd0"


def plot_filters(layer_or_model: Any, figure: "FigureBase | None" = None) -> "FigureBase":
    """Draws the filters of a 2-D convolution, or of a model's first one.

    With one input channel each filter is a tile, blue negative, white zero, red positive. With three, each
    is a colour tile, mid grey zero. With any other number a column is a filter and a row an input channel.

    Args:
        layer_or_model: a layer whose kernel is (kh, kw, in, out), or a model that has one.
        figure: where to draw; None makes a new figure.

    Returns:
        The figure.

    Raises:
        ValueError: no such layer, or it is not built.
        ImportError: matplotlib is not installed.

    Example:
        >>> import cnnfast
        >>> layer = cnnfast.layers.Conv2D(6, 5, name="edges")
        >>> layer.build((None, 28, 28, 1))
        >>> plot_filters(layer).axes[0].get_title()
        'edges: 6 filters 5 x 5'
    """
    layer = _convolution(layer_or_model)
    kernel = np.asarray(layer.kernel.numpy(), np.float32)
    height, width, channels = kernel.shape[:3]
    tiles = kernel[..., :_MAX_FILTERS].transpose(3, 0, 1, 2)
    limit = float(np.abs(kernel).max()) or 1.0
    if channels == 3:
        grid = mosaic(0.5 + 0.5 * tiles / limit, grid_columns(len(tiles)))
    elif channels == 1:
        grid = mosaic(tiles[..., 0], grid_columns(len(tiles)))
    else:
        shown = tiles[..., :_MAX_INPUT_CHANNELS].transpose(3, 0, 1, 2)
        grid = mosaic(shown.reshape(-1, height, width), columns=len(tiles))
    rows, columns = grid.shape[:2]
    figure = canvas(figure, 6.0, 6.0 * rows / columns + 0.5)
    axes = figure.subplots()
    if channels == 3:
        axes.imshow(_opaque_where_drawn(grid), interpolation="nearest")
    else:
        axes.imshow(grid, cmap="RdBu_r", vmin=-limit, vmax=limit, interpolation="nearest")
    axes.set_facecolor(_GAP_COLOR)  # white is a weight of zero
    axes.set_title(_title(layer.name, kernel.shape))
    bare(axes)
    return figure


def _title(name: str, shape: tuple[int, int, int, int]) -> str:
    height, width, channels, filters = shape
    title = f"{name}: {filters} filters {height} x {width}"
    if filters > _MAX_FILTERS:
        title = f"{name}: the first {_MAX_FILTERS} of {filters} filters {height} x {width}"
    if channels not in (1, 3):
        shown = min(channels, _MAX_INPUT_CHANNELS)
        title += (
            f", a row for each of {channels} inputs"
            if shown == channels
            else f", inputs 1 to {shown} of {channels}"
        )
    return title


def _convolution(layer_or_model: Any) -> Any:
    for layer in getattr(layer_or_model, "layers", [layer_or_model]):
        if is_convolution(layer):
            return layer
    raise ValueError(
        f"plot_filters draws the kernel of a built 2-D convolution, and {layer_or_model!r} has none: "
        "pass such a layer, or build the model first (give its first layer an input_shape)."
    )


def _opaque_where_drawn(grid: NDArray[np.float32]) -> NDArray[np.float32]:
    drawn = ~np.isnan(grid[..., :1])
    return np.concatenate([np.nan_to_num(grid), drawn.astype(np.float32)], axis=-1)
