"""Losses that the core has kernels for, merged with a final softmax or sigmoid.

A kernel takes vectors along the last axis, of logits or of what their activation made of them. Everything
else, outputs that come from elsewhere among it, takes the words of functions.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnnfast import ops
from cnnfast.layers.tracing import Value
from cnnfast.losses import functions
from cnnfast.losses.loss import LossKind, WordLoss

if TYPE_CHECKING:
    from cnnfast._core import LossKernel

_KERNELS: dict[LossKind | None, LossKernel] = {
    "sparse_categorical_crossentropy": "softmax_cross_entropy",
    "categorical_crossentropy": "softmax_cross_entropy",
    "binary_crossentropy": "sigmoid_cross_entropy",
    "mean_squared_error": "squared_error",
}
# What surely makes no probabilities: a model that ends so forgot its softmax or sigmoid; the core says so.
_LOGITS = ("conv2d", "dense", "pool", "batch normalization", "dropout", "relu", "tanh", "linear")


class KernelLoss(WordLoss):
    """Base of these losses."""

    def _traced(self, y_true: Value, y_pred: Value, weights: Value | None) -> Value:
        plain = self.kind is not None and self.reduction in ("sum_over_batch_size", "mean", "sum")
        made = self._losses(y_true, y_pred, weights) if plain else None
        return super()._traced(y_true, y_pred, weights) if made is None else made

    def _losses(self, y_true: Value, y_pred: Value, weights: Value | None) -> Value | None:
        """Adds the kernel to a graph; None where the outputs are not what it takes."""
        raise NotImplementedError

    def _takes(self, y_pred: Value, activation: str) -> bool:
        """Whether a kernel knows the outputs: logits, or what an activation makes of them."""
        if self._from_logits:
            return True
        return y_pred.graph.maker(y_pred.number) in (activation, *_LOGITS)

    def _kernel(self, y_true: Value, y_pred: Value, weights: Value | None) -> Value:
        graph = y_pred.graph
        number = graph.loss(
            _KERNELS[self.kind],
            y_pred.number,
            y_true.number,
            self._from_logits,
            str(self.kind),
            None if weights is None else weights.number,
        )
        return graph.value(number)


class MeanSquaredError(KernelLoss):
    """Mean of (y - p)^2 over samples and outputs.

    Args:
        reduction: As in `Loss`.
        name: Its name.
        dtype: "float32" or None.

    Shapes:
        Labels of the outputs' shape; (n,) will do for (n, 1).

    Source:
        Keras 3, `keras.losses.MeanSquaredError`.

    Example:
        >>> float(MeanSquaredError()([[0.0, 1.0]], [[2.0, 1.0]]))
        2.0
    """

    kind = "mean_squared_error"

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "mean_squared_error",
        dtype: Any = None,
    ) -> None:
        super().__init__(functions.mean_squared_error, reduction, name, dtype)

    def _losses(self, y_true: Value, y_pred: Value, weights: Value | None) -> Value:
        return self._kernel(y_true, y_pred, weights)


class BinaryCrossentropy(KernelLoss):
    """Mean of -(y log p + (1 - y) log(1 - p)), for yes-or-no outputs.

    Args:
        from_logits: Whether the model ends without sigmoid; the loss then includes it.
        label_smoothing: How far labels are moved towards 1 / 2, from 0 to 1.
        axis: The axis along which means go.
        reduction: As in `Loss`.
        name: Its name.
        dtype: "float32" or None.

    Shapes:
        Labels of the outputs' shape; (n,) will do for (n, 1).

    Source:
        Keras 3, `keras.losses.BinaryCrossentropy`.

    Example:
        >>> float(BinaryCrossentropy()([[1.0, 0.0]], [[0.5, 0.5]]))
        0.6931...
    """

    from_logits: bool
    label_smoothing: float

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "binary_crossentropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(
            functions.binary_crossentropy,
            reduction,
            name,
            dtype,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )
        self.kind = "binary_crossentropy" if axis == -1 else None

    def _losses(self, y_true: Value, y_pred: Value, weights: Value | None) -> Value | None:
        if not self._takes(y_pred, "sigmoid"):
            return None
        if self.label_smoothing:
            y_true = y_true * (1.0 - self.label_smoothing) + 0.5 * self.label_smoothing
        return self._kernel(y_true, y_pred, weights)


class CategoricalCrossentropy(KernelLoss):
    """Mean of -sum_j y[j] log p[j], for one-hot or other distributions y.

    Args:
        from_logits: Whether the model ends without softmax; the loss then includes it.
        label_smoothing: How far labels are moved towards equal ones, from 0 to 1.
        axis: The axis of the classes.
        reduction: As in `Loss`.
        name: Its name.
        dtype: "float32" or None.

    Shapes:
        Labels and outputs (n, ..., classes).

    Source:
        Keras 3, `keras.losses.CategoricalCrossentropy`.

    Example:
        >>> float(CategoricalCrossentropy()([[0.0, 1.0]], [[0.5, 0.5]]))
        0.6931...
    """

    from_logits: bool
    label_smoothing: float

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "categorical_crossentropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(
            functions.categorical_crossentropy,
            reduction,
            name,
            dtype,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )
        self.kind = "categorical_crossentropy" if axis == -1 else None

    def _losses(self, y_true: Value, y_pred: Value, weights: Value | None) -> Value | None:
        if not self._takes(y_pred, "softmax"):
            return None
        return self._kernel(functions.smoothed(y_true, self.label_smoothing), y_pred, weights)


class SparseCategoricalCrossentropy(KernelLoss):
    """Mean of -log p[y], for class numbers y.

    Args:
        from_logits: Whether the model ends without softmax; the loss then includes it.
        ignore_class: Labels of this number do not count; None for none.
        reduction: As in `Loss`.
        axis: The axis of the classes.
        name: Its name.
        dtype: "float32" or None.

    Shapes:
        Labels (n, ...) or (n, ..., 1), outputs (n, ..., classes).

    Source:
        Keras 3, `keras.losses.SparseCategoricalCrossentropy`.

    Example:
        >>> float(SparseCategoricalCrossentropy()([1], [[0.5, 0.5]]))
        0.6931...
    """

    sparse = True
    from_logits: bool
    ignore_class: int | None
    axis: int

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        reduction: str | None = "sum_over_batch_size",
        axis: int = -1,
        name: str = "sparse_categorical_crossentropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(
            functions.sparse_categorical_crossentropy,
            reduction,
            name,
            dtype,
            from_logits=from_logits,
            ignore_class=ignore_class,
            axis=axis,
        )
        self.kind = "sparse_categorical_crossentropy" if axis == -1 and ignore_class is None else None

    def _counting(self, y_true: Any, losses: Any) -> Any:
        if self.ignore_class is None:
            return None
        return ops.reshape(ops.not_equal(y_true, float(self.ignore_class)), ops.shape(losses))

    def _losses(self, y_true: Value, y_pred: Value, weights: Value | None) -> Value | None:
        return self._kernel(y_true, y_pred, weights) if self._takes(y_pred, "softmax") else None
