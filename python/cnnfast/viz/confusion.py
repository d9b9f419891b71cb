"""Which classes a classifier takes for which."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cnnfast.viz._canvas import canvas

if TYPE_CHECKING:
    from matplotlib.figure import FigureBase

# With more classes than this the numbers in the cells would overlap.
_MAX_CLASSES_WITH_NUMBERS = 20


def confusion_matrix(y_true: ArrayLike, y_pred: ArrayLike, classes: int | None = None) -> NDArray[np.int64]:
    """Counts how often each class was taken for each.

    Args:
        y_true: class numbers (n,) or (n, 1), or one-hot rows (n, classes).
        y_pred: the same, or probabilities (n, classes), of which the greatest counts.
        classes: number of classes; None takes the greatest number seen, plus one.

    Returns:
        (classes, classes): row i, column j counts the samples of class i that were called j. The diagonal
        is what was right.

    Raises:
        ValueError: the lengths differ, or a class number is outside 0 to classes - 1.

    Example:
        >>> confusion_matrix([0, 0, 1, 2], [0, 1, 1, 2]).tolist()
        [[1, 1, 0], [0, 1, 0], [0, 0, 1]]
    """
    true, predicted = class_numbers(y_true, "y_true"), class_numbers(y_pred, "y_pred")
    if len(true) != len(predicted):
        raise ValueError(
            f"y_true and y_pred must be of one length, but have {len(true)} and {len(predicted)} samples."
        )
    both = np.concatenate([true, predicted])
    if classes is None:
        classes = int(both.max()) + 1 if both.size else 0
    if both.size and (both.min() < 0 or both.max() >= classes):
        raise ValueError(
            f"Class numbers must be from 0 to classes - 1 = {classes - 1}, but reach from {both.min()} to "
            f"{both.max()}."
        )
    return np.bincount(true * classes + predicted, minlength=classes * classes).reshape(classes, classes)


def plot_confusion_matrix(
    matrix: ArrayLike, class_names: Sequence[str] | None = None, figure: "FigureBase | None" = None
) -> "FigureBase":
    """Draws a confusion matrix; colour is the share of the row, so that rare classes show as well.

    Args:
        matrix: what `confusion_matrix` returns.
        class_names: as many names as rows; None numbers them.
        figure: where to draw; None makes a new figure.

    Returns:
        The figure.

    Raises:
        ValueError: the matrix is not square, or the names are not as many as its rows.
        ImportError: matplotlib is not installed.

    Example:
        >>> plot_confusion_matrix([[9, 1], [2, 8]], ["cat", "dog"]).axes[0].get_xlabel()
        'predicted'
    """
    counts = np.asarray(matrix)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1]:
        raise ValueError(f"A confusion matrix must be square, but this one has shape {counts.shape}.")
    names = [str(i) for i in range(len(counts))] if class_names is None else list(class_names)
    if len(names) != len(counts):
        raise ValueError(
            f"class_names must have {len(counts)} names, one for each row, but has {len(names)}."
        )
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = 2.0 + 0.38 * len(counts)
    figure = canvas(figure, side, side)
    axes = figure.subplots()
    axes.imshow(share, cmap="Blues", vmin=0.0, vmax=1.0)
    axes.set_xticks(range(len(names)), names, rotation=90 if max(map(len, names), default=0) > 2 else 0)
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    axes.set_title("Confusion matrix")
    axes.spines[:].set_visible(False)
    if len(counts) <= _MAX_CLASSES_WITH_NUMBERS:
        for row, column in np.argwhere(counts > 0).tolist():
            color = "white" if share[row, column] > 0.5 else "black"
            axes.text(
                column, row, str(counts[row, column]), ha="center", va="center", color=color, fontsize=7
            )
    return figure


def class_numbers(y: ArrayLike, name: str) -> NDArray[np.int64]:
    """Class numbers (n,) from such, also of shape (n, 1), or from rows of scores (n, classes)."""
    array = np.asarray(y)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim == 2:
        numbers: NDArray[np.int64] = np.argmax(array, axis=1)
        return numbers
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iub"):
        raise ValueError(
            f"{name} must be class numbers of shape (n,), integers, or scores of shape (n, classes), but is "
            f"{array.dtype} of shape {np.shape(y)}. Of one sigmoid, take (probabilities > 0.5)."
        )
    return array.astype(np.int64)
