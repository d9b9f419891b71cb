"""Labels as rows with a one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def to_categorical(x: ArrayLike, num_classes: int | None = None) -> NDArray[np.float32]:
    """Turns class numbers into one-hot rows.

    Formula: y[i, j] = 1 where j = x[i], else 0.

    Args:
        x: Class numbers from 0, whole numbers of any shape; a last axis of 1 is dropped.
        num_classes: Length of a row; None means the largest class number plus one.

    Shapes:
        (...) or (..., 1) -> (..., num_classes)

    Returns:
        A float32 array.

    Raises:
        ValueError: If `x` does not hold whole numbers, or one lies outside 0 ... num_classes - 1.

    Source:
        Keras 3, `keras.utils.to_categorical`.

    Example:
        >>> to_categorical([0, 2], num_classes=3)
        array([[1., 0., 0.],
               [0., 0., 1.]], dtype=float32)
    """
    labels = np.asarray(x)
    if labels.dtype.kind == "f" and np.array_equal(labels, np.trunc(labels)):
        labels = labels.astype(np.int64)
    if labels.dtype.kind not in "iu":
        raise ValueError(f"to_categorical needs whole numbers, got {labels.dtype} {labels.shape}")
    if labels.ndim > 1 and labels.shape[-1] == 1:
        labels = labels[..., 0]
    if num_classes is None:
        num_classes = int(labels.max()) + 1 if labels.size else 0
    if labels.size and not (labels.min() >= 0 and labels.max() < num_classes):
        raise ValueError(
            f"class numbers must lie in 0 ... {num_classes - 1}, got {labels.min()} ... {labels.max()}; "
            "count classes from 0 or raise num_classes"
        )
    rows = np.zeros((labels.size, num_classes), np.float32)
    rows[np.arange(labels.size), labels.ravel()] = 1
    return rows.reshape(*labels.shape, num_classes)
