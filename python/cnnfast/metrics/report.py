"""A classifier's precision, recall and F1 by class, as scikit-learn tables them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from cnnfast.viz.confusion import class_numbers

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def classification_report(
    y_true: ArrayLike, y_pred: ArrayLike, class_names: Sequence[str] | None = None, digits: int = 2
) -> str:
    """Returns a table: precision, recall, F1 and the number of samples of each class, and their means.

    Args:
        y_true: Class numbers (n,) or (n, 1), or one-hot rows (n, classes).
        y_pred: The same, or what `predict` returns: probabilities (n, classes), of which the greatest counts.
        class_names: A name for each class; None numbers those that occur.
        digits: Digits behind the point.

    Raises:
        ValueError: If the lengths differ, or a class has no name.
        ImportError: If scikit-learn is not installed.

    Source:
        scikit-learn, `sklearn.metrics.classification_report`.

    Example:
        >>> print(classification_report([0, 1, 1], [[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]]).splitlines()[2])
                   0       0.50      1.00      0.67         1
    """
    try:
        from sklearn.metrics import classification_report as report
    except ImportError as error:
        raise ImportError("The report needs scikit-learn: pip install 'cnnfast[sklearn]'") from error
    labels = None if class_names is None else np.arange(len(class_names))
    true, predicted = class_numbers(y_true, "y_true"), class_numbers(y_pred, "y_pred")
    last = int(np.concatenate([true, predicted]).max(initial=-1))
    if class_names is not None and last >= len(class_names):
        raise ValueError(f"class_names has {len(class_names)} names, the classes reach from 0 to {last}")
    form = {"digits": digits, "zero_division": 0}
    return str(report(true, predicted, labels=labels, target_names=class_names, **form))
