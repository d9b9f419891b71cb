"""The samples that a classifier gets wrong with the greatest confidence: the ones worth looking at."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cnnfast.viz._canvas import bare, canvas, grid_columns
from cnnfast.viz.confusion import class_numbers

if TYPE_CHECKING:
    from matplotlib.figure import FigureBase


def worst_mistakes(y_true: ArrayLike, probabilities: ArrayLike, count: int = 12) -> NDArray[np.int64]:
    """The wrongly classified samples, the most confident mistake first.

    Args:
        y_true: class numbers (n,), or one-hot rows (n, classes).
        probabilities: (n, classes), as `model.predict` returns them.
        count: at most so many.

    Returns:
        Their indices, sorted by the probability of the wrong answer; equal ones in their order. Empty if
        every answer is right.

    Raises:
        ValueError: the shapes do not belong together.

    Example:
        >>> worst_mistakes([0, 0, 1], [[0.4, 0.6], [0.1, 0.9], [0.2, 0.8]]).tolist()
        [1, 0]
    """
    true, scores = class_numbers(y_true, "y_true"), np.asarray(probabilities)
    if scores.ndim != 2 or len(scores) != len(true) or scores.shape[1] < 2:
        raise ValueError(
            f"probabilities must be of shape ({len(true)}, classes), a row for each label and a number for "
            f"each of two classes or more, but have shape {scores.shape}."
        )
    wrong = np.flatnonzero(scores.argmax(axis=1) != true)
    order = np.argsort(-scores[wrong].max(axis=1), kind="stable")
    return wrong[order[:count]]


def plot_mistakes(
    x: ArrayLike,
    y_true: ArrayLike,
    probabilities: ArrayLike,
    class_names: Sequence[str] | None = None,
    count: int = 12,
    figure: "FigureBase | None" = None,
) -> "FigureBase":
    """Draws the most confident mistakes, each with the wrong answer, its probability and the truth.

    Args:
        x: the images, (n, h, w), (n, h, w, c) or (n, c, h, w) with c 1 or 3, of any range.
        y_true: class numbers (n,), or one-hot rows (n, classes).
        probabilities: (n, classes), as `model.predict` returns them.
        class_names: a name for each class; None numbers them.
        count: at most so many.
        figure: where to draw; None makes a new figure.

    Returns:
        The figure.

    Raises:
        ValueError: the shapes do not belong together.
        ImportError: matplotlib is not installed.

    Example:
        >>> figure = plot_mistakes(np.zeros((2, 8, 8)), [0, 1], [[0.3, 0.7], [0.1, 0.9]])
        >>> figure.axes[0].get_title()
        '1 (70 %), is 0'
    """
    images, true, scores = np.asarray(x), class_numbers(y_true, "y_true"), np.asarray(probabilities)
    if len(images) != len(true):
        raise ValueError(
            f"x and y_true must be of one length, but have {len(images)} and {len(true)} samples."
        )
    worst = worst_mistakes(true, scores, count)
    classes = max(scores.shape[1], int(true.max(initial=0)) + 1)
    names = [str(i) for i in range(classes)] if class_names is None else class_names
    if len(names) < classes:
        raise ValueError(f"class_names must name each of {classes} classes, but has {len(names)} names.")
    columns = grid_columns(max(len(worst), 1))
    rows = -(-max(len(worst), 1) // columns)
    figure = canvas(figure, 1.5 * columns, 1.7 * rows + 0.4)
    figure.suptitle("Worst mistakes" if len(worst) else "No mistakes")
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in grid:
        bare(axes)
    for axes, index in zip(grid, worst.tolist(), strict=False):
        answer = int(scores[index].argmax())
        axes.imshow(displayable(images[index]), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        title = f"{names[answer]} ({scores[index, answer]:.0%}), is {names[true[index]]}".replace("%", " %")
        axes.set_title(title, fontsize=8)
    return figure


def displayable(image: NDArray[Any]) -> NDArray[Any]:
    """One image as matplotlib draws it: (h, w) or (h, w, 3), bytes as they are, others stretched to 0 to 1.

    Raises:
        ValueError: it is not an image with 1 or 3 channels, first or last.
    """
    if image.ndim == 3 and image.shape[-1] not in (1, 3) and image.shape[0] in (1, 3):
        image = np.moveaxis(image, 0, -1)
    if image.ndim != 2 and (image.ndim != 3 or image.shape[-1] not in (1, 3)):
        raise ValueError(
            f"An image must be (h, w), (h, w, c) or (c, h, w) with 1 or 3 channels, but has shape "
            f"{image.shape}."
        )
    if image.ndim == 3 and image.shape[-1] == 1:
        image = image[..., 0]
    lowest, highest = (0, 255) if image.dtype == np.uint8 else (float(image.min()), float(image.max()))
    scaled: NDArray[Any] = (image - lowest) / max(highest - lowest, 1e-12)
    return scaled
