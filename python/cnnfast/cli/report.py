"""What is printed and drawn at the end of a training."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnfast import viz
from cnnfast.viz._canvas import canvas, is_convolution

TOP_5 = "sparse_top_k_categorical_accuracy"
CURVES = ("loss", "val_loss", "accuracy", "val_accuracy")


@dataclass(frozen=True)
class Paths:
    """Where the results of one training are."""

    model: Path
    picture: Path

    @classmethod
    def in_folder(cls, folder: Path, name: str) -> "Paths":
        """`name`.cnnfast and `name`.png in a folder."""
        return cls(folder / f"{name}.cnnfast", folder / f"{name}.png")


@dataclass(frozen=True)
class Outcome:
    """What a training came to on the test set."""

    history: dict[str, list[float]]
    accuracy: float
    top_5_error: float
    images_per_second: float
    seconds: float
    images: NDArray[np.uint8]  # (n, h, w)
    first_input: NDArray[np.float32]  # images[0] as the model takes it
    labels: NDArray[np.uint8]
    probabilities: NDArray[np.float32]
    class_names: Sequence[str]


def write(model: Any, outcome: Outcome, paths: Paths) -> None:
    """Prints the numbers, draws the picture, says where things are."""
    matrix = viz.confusion_matrix(outcome.labels, outcome.probabilities, len(outcome.class_names))
    print(f"Test accuracy      {100 * outcome.accuracy:.2f} %")
    print(f"Top-5 error        {100 * outcome.top_5_error:.2f} %")
    print(f"Training time      {outcome.seconds:.1f} s, the test after each epoch included")
    print(f"Images per second  {outcome.images_per_second:,.0f}")
    print("Confusion matrix (row: true, column: predicted)")
    print(table(matrix))
    print(f"Model    {paths.model}")
    try:
        draw(model, outcome, matrix, paths.picture)
    except ImportError as error:
        print(f"Picture  none. {error}")
    else:
        print(f"Picture  {paths.picture}")


def table(matrix: NDArray[np.int64]) -> str:
    """A square matrix of counts with row and column numbers; zeros are dots, so that the others stand out.

    Example:
        >>> print(table(np.array([[5, 1], [0, 12]])))
             0  1
         0   5  1
         1   . 12
    """
    width = max(len(str(matrix.max())), len(str(len(matrix)))) + 1
    lines = ["   " + "".join(f"{column:{width}}" for column in range(len(matrix)))]
    for row, counts in enumerate(matrix.tolist()):
        lines.append(f"{row:2} " + "".join(f"{count or '.':>{width}}" for count in counts))
    return "\n".join(lines)


def draw(model: Any, outcome: Outcome, matrix: NDArray[np.int64], path: Path) -> None:
    """One picture: the curves, what the first layer has learnt and sees, the worst mistakes.

    A model without convolutions has the confusion matrix in their place.

    Raises:
        ImportError: matplotlib is not installed.
    """
    figure: Any = canvas(None, 13.0, 10.0)
    top, bottom = figure.subfigures(2, 1)
    left, right = top.subfigures(1, 2, width_ratios=[3, 2])
    viz.plot_history(outcome.history, figure=left)
    if any(is_convolution(layer) for layer in model.layers):
        viz.plot_filters(model, figure=right)
        maps, mistakes = bottom.subfigures(1, 2)
        viz.plot_feature_maps(model, outcome.first_input, figure=maps)
    else:
        viz.plot_confusion_matrix(matrix, outcome.class_names, figure=right)
        mistakes = bottom
    viz.plot_mistakes(
        outcome.images, outcome.labels, outcome.probabilities, outcome.class_names, figure=mistakes
    )
    figure.savefig(path)
