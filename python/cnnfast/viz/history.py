"""The curves of a training: what fit returned, epoch by epoch."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from cnnfast.viz._canvas import canvas

if TYPE_CHECKING:
    from matplotlib.figure import FigureBase

_TRAIN_COLOR, _VALIDATION_COLOR = "#9aa5b1", "#d1495b"

Curves = Mapping[str, Sequence[float]]


class HasHistory(Protocol):
    """What `model.fit` returns."""

    @property
    def history(self) -> Curves:
        """Name of a quantity -> its value after each epoch."""


def plot_history(
    history: HasHistory | Curves,
    figure: "FigureBase | None" = None,
    validation_label: str = "validation",
) -> "FigureBase":
    """Draws loss and metrics over the epochs, one panel each, training and validation together.

    Args:
        history: what `model.fit` returned, or its `.history`.
        figure: where to draw; None makes a new figure.
        validation_label: what the curves beginning with "val_" are, for the legend.

    Returns:
        The figure.

    Raises:
        ValueError: the history has no epochs.
        ImportError: matplotlib is not installed.

    Example:
        >>> figure = plot_history({"loss": [0.9, 0.3], "val_loss": [0.5, 0.4], "accuracy": [0.7, 0.9]})
        >>> [axes.get_title() for axes in figure.axes]
        ['loss', 'accuracy']
    """
    curves = history if isinstance(history, Mapping) else history.history
    names = [name for name in curves if not name.startswith("val_") and len(curves[name]) > 0]
    if not names:
        raise ValueError(
            "The history has no epochs to draw: train with model.fit(..., epochs=1) or more first."
        )
    figure = canvas(figure, 4.0 * len(names), 3.0)
    for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
        epochs = range(1, len(curves[name]) + 1)
        axes.plot(epochs, curves[name], color=_TRAIN_COLOR, linewidth=2, label="training", marker=".")
        validation = curves.get(f"val_{name}")
        if validation:
            axes.plot(
                epochs, validation, color=_VALIDATION_COLOR, linewidth=2, label=validation_label, marker="."
            )
            axes.legend(frameon=False)
        axes.set_title(name.replace("_", " "))
        axes.set_xlabel("epoch")
        axes.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    return figure
