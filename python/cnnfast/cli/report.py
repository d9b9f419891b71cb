"""What is printed and drawn at the end of a training."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnfast import viz
from cnnfast.viz._canvas import canvas, is_convolution

CURVES = ("loss", "val_loss", "accuracy", "val_accuracy")

# A table wider than this is broken by terminals, and then says nothing.
_WIDTH = 80
_CONFUSIONS = 10


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
    """What a training came to on the test pictures."""

    title: str
    history: dict[str, list[float]]
    accuracy: float
    images_per_second: float
    seconds: float
    images: NDArray[np.uint8]  # (n, h, w, c)
    first_input: NDArray[np.float32]  # images[0] as the model takes it
    labels: NDArray[Any]
    probabilities: NDArray[np.float32]
    class_names: Sequence[str]


def write(model: Any, outcome: Outcome, paths: Paths) -> None:
    """Prints the numbers, draws the picture, says where things are."""
    matrix = viz.confusion_matrix(outcome.labels, outcome.probabilities, len(outcome.class_names))
    print(f"Test accuracy      {100 * outcome.accuracy:.2f} %")
    print(f"Training time      {outcome.seconds:.1f} s, the test after each epoch included")
    print(f"Images per second  {outcome.images_per_second:,.0f}")
    print(confusions(matrix, outcome.class_names))
    print(f"Model    {paths.model}")
    try:
        draw(model, outcome, matrix, paths.picture)
    except (ImportError, OSError, ValueError) as error:
        print(f"Picture  none. {error}")
    else:
        print(f"Picture  {paths.picture}")


def confusions(matrix: NDArray[np.int64], class_names: Sequence[str]) -> str:
    """The confusion matrix where it fits a terminal, otherwise its largest entries off the diagonal.

    Example:
        >>> print(confusions(np.diag([5] * 40) + np.eye(40, k=1, dtype=int), [f"c{k}" for k in range(40)]))
        ... # doctest: +ELLIPSIS
        Most common mistakes
             1  c0 taken for c1
        ...
    """
    written = table(matrix, class_names)
    if max(map(len, written.splitlines())) <= _WIDTH:
        return f"Confusion matrix (row: true, column: predicted)\n{written}"
    wrong = matrix - np.diag(np.diag(matrix))
    order = np.argsort(-wrong, axis=None, kind="stable")[:_CONFUSIONS]
    lines = [
        f"{wrong[true, taken]:6}  {class_names[true]} taken for {class_names[taken]}"
        for true, taken in zip(*np.unravel_index(order, wrong.shape), strict=True)
        if wrong[true, taken]
    ]
    return "\n".join(["Most common mistakes" if lines else "No mistakes", *lines])


def table(matrix: NDArray[np.int64], class_names: Sequence[str]) -> str:
    """A square matrix of counts with row and column numbers; zeros are dots, so that the others stand out.

    Example:
        >>> print(table(np.array([[5, 1], [0, 12]]), ["cat", "dog"]))
                 0  1
         0 cat   5  1
         1 dog   . 12
    """
    names = [f"{number:2} {name}" for number, name in enumerate(class_names)]
    if list(class_names) == [str(number) for number in range(len(class_names))]:
        names = [f"{number:2}" for number in range(len(class_names))]
    stub = max(map(len, names)) + 1
    width = max(len(str(matrix.max())), len(str(len(matrix)))) + 1
    lines = [" " * stub + "".join(f"{column:{width}}" for column in range(len(matrix)))]
    for name, counts in zip(names, matrix.tolist(), strict=True):
        lines.append(f"{name:<{stub}}" + "".join(f"{count or '.':>{width}}" for count in counts))
    return "\n".join(lines)


def draw(model: Any, outcome: Outcome, matrix: NDArray[np.int64], path: Path) -> None:
    """One picture: the curves, what the first layer has learnt and sees, the worst mistakes.

    A model without convolutions has the confusion matrix in their place.

    Raises:
        ImportError: matplotlib is not installed.
        OSError: the picture cannot be written.
    """
    figure: Any = canvas(None, 13.0, 10.4)
    epochs = len(outcome.history["loss"])
    figure.suptitle(
        f"{outcome.title}: {100 * outcome.accuracy:.2f} % of the test pictures right after {epochs} "
        f"epoch{'s' if epochs > 1 else ''}",
        fontsize="x-large",
    )
    top, bottom = figure.subfigures(2, 1)
    left, right = top.subfigures(1, 2, width_ratios=[3, 2])
    curves = {name: outcome.history[name] for name in CURVES if name in outcome.history}
    viz.plot_history(curves, figure=left, validation_label="test")
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
