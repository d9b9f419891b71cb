"""A model's picture in a file, by Keras's name."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from cnnfast.utils.arguments import not_offered

if TYPE_CHECKING:
    from matplotlib.figure import FigureBase

    from cnnfast.models.base import BaseModel


def plot_model(
    model: BaseModel,
    to_file: str | os.PathLike[str] | None = "model.png",
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = False,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: int = 200,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: Any = "ortho",
) -> FigureBase:
    """Draws a model as boxes and arrows into a file, as `viz.plot_model` does; matplotlib draws.

    Args:
        model: The model, built.
        to_file: The file, whose ending says the form; None for none.
        show_shapes: Whether boxes tell the shapes of outputs.
        show_dtype: Not offered; must be False: all is computed in float32.
        show_layer_names: Whether they tell the layers' names.
        rankdir: "TB": from the top down; "LR": from left to right.
        expand_nested: Not offered; must be False.
        dpi: Dots per inch.
        show_layer_activations: Not offered; must be False.
        show_trainable: Whether layers that training leaves alone are of another colour.
        splines: Keras's argument; nothing here depends on it.

    Returns:
        The figure, which a notebook shows.

    Raises:
        ValueError: If the model is not built, or an argument is not offered.
        ImportError: If matplotlib is not installed.

    Source:
        Keras 3, `keras.utils.plot_model`.

    Example:
        >>> from cnnfast import Sequential, layers
        >>> figure = plot_model(Sequential([layers.Dense(3, input_shape=(4,))]), to_file=None)
        >>> len(figure.axes[0].texts)
        3
    """
    from cnnfast import viz

    not_offered(
        "plot_model",
        show_dtype=(show_dtype, False),
        expand_nested=(expand_nested, False),
        show_layer_activations=(show_layer_activations, False),
    )
    figure = viz.plot_model(model, show_shapes, show_layer_names, rankdir, show_trainable)
    if to_file is not None:
        figure.savefig(to_file, dpi=dpi)  # type: ignore[attr-defined]
    return figure
