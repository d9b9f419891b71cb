"""A penalty on vectors that are not at right angles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cnnfast.regularizers.regularizer import Regularizer
from cnnfast.utils.arguments import real_number

if TYPE_CHECKING:
    from cnnfast.utils.serialization import Config


class OrthogonalRegularizer(Regularizer):
    """Penalty on the cosines between the rows, or columns, of a matrix.

    Formula: factor * sum over pairs of |cos| / number of pairs

    Args:
        factor: Factor, at least 0.
        mode: "rows" or "columns".

    Raises:
        ValueError: If an argument is out of its range, or, when called, x has not two axes.

    Source:
        Keras 3, `keras.regularizers.OrthogonalRegularizer`.

    Example:
        >>> float(OrthogonalRegularizer(0.5)([[1.0, 0.0], [2.0, 0.0]]))
        0.5
    """

    def __init__(self, factor: float = 0.01, mode: str = "rows") -> None:
        self.factor = real_number(factor, "a penalty's factor")
        if mode not in ("rows", "columns"):
            raise ValueError(f"mode must be 'rows' or 'columns', got {mode!r}")
        self.mode = mode

    def __call__(self, x: Any) -> Any:
        """Returns the penalty."""
        from cnnfast import ops

        x = x if hasattr(x, "shape") else np.asarray(x, np.float32)
        if len(x.shape) != 2:
            raise ValueError(f"an OrthogonalRegularizer is for weights of two axes, got shape {x.shape}")
        vectors = ops.normalize(x if self.mode == "rows" else ops.transpose(x), epsilon=1e-6)
        cosines = ops.absolute(ops.matmul(vectors, ops.transpose(vectors)))
        size = cosines.shape[0]
        apart = 1.0 - np.eye(size, dtype=np.float32)
        return self.factor * ops.sum(cosines * apart) / (size * (size - 1))

    def get_config(self) -> Config:
        """Returns the arguments that make an equal regularizer."""
        return {"factor": self.factor, "mode": self.mode}
