"""Metrics of probabilities."""

from __future__ import annotations

from typing import Any

from cnnfast import losses, ops
from cnnfast.metrics.reduction import LabelForm, WordMetric, weights_of


class BinaryCrossentropy(WordMetric):
    """Cross-entropy of yes-or-no outputs.

    Formula: mean(-(y log p + (1 - y) log(1 - p)))

    Args:
        name: Its name.
        dtype: "float32" or None.
        from_logits: Whether the outputs are before the sigmoid.
        label_smoothing: How far labels are moved towards 1 / 2, from 0 to 1.

    Shapes:
        Labels of the outputs' shape; (n,) will do for (n, 1).

    Source:
        Keras 3, `keras.metrics.BinaryCrossentropy`.

    Example:
        >>> float(BinaryCrossentropy()([[1.0, 0.0]], [[0.5, 0.5]]))
        0.6931...
    """

    larger_is_better = False

    def __init__(
        self,
        name: str | None = "binary_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
    ) -> None:
        super().__init__(
            losses.binary_crossentropy, name, dtype, from_logits=from_logits, label_smoothing=label_smoothing
        )


class CategoricalCrossentropy(WordMetric):
    """Cross-entropy of classes, for one-hot labels or other distributions.

    Formula: mean(-sum(y log p))

    Args:
        name: Its name.
        dtype: "float32" or None.
        from_logits: Whether the outputs are before the softmax.
        label_smoothing: How far labels are moved towards equal ones, from 0 to 1.
        axis: The axis of the classes.

    Shapes:
        Labels and outputs (n, ..., classes).

    Source:
        Keras 3, `keras.metrics.CategoricalCrossentropy`.

    Example:
        >>> float(CategoricalCrossentropy()([[0.0, 1.0]], [[0.5, 0.5]]))
        0.6931...
    """

    larger_is_better = False

    def __init__(
        self,
        name: str | None = "categorical_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
        axis: int = -1,
    ) -> None:
        super().__init__(
            losses.categorical_crossentropy,
            name,
            dtype,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )


class SparseCategoricalCrossentropy(WordMetric):
    """Cross-entropy of classes, for class numbers.

    Formula: mean(-log p[y])

    Args:
        name: Its name.
        dtype: "float32" or None.
        from_logits: Whether the outputs are before the softmax.
        ignore_class: Labels of this number have a loss of 0, and no weight; None for none.
        axis: The axis of the classes.

    Shapes:
        Labels (n, ...) or (n, ..., 1), outputs (n, ..., classes).

    Source:
        Keras 3, `keras.metrics.SparseCategoricalCrossentropy`.

    Example:
        >>> float(SparseCategoricalCrossentropy()([1], [[0.5, 0.5]]))
        0.6931...
    """

    labels = LabelForm.SPARSE
    larger_is_better = False
    ignore_class: int | None

    def __init__(
        self,
        name: str | None = "sparse_categorical_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        ignore_class: int | None = None,
        axis: int = -1,
    ) -> None:
        super().__init__(
            losses.sparse_categorical_crossentropy,
            name,
            dtype,
            from_logits=from_logits,
            ignore_class=ignore_class,
            axis=axis,
        )

    def update_state(  # type: ignore[override]
        self, y_true: Any, y_pred: Any, sample_weight: Any = None
    ) -> None:
        """Adds the losses of a batch; as in Keras, labels that do not count have no weight where others have.

        Args:
            y_true: The labels.
            y_pred: The outputs.
            sample_weight: What each sample counts; None for 1.
        """
        if self.ignore_class is not None and sample_weight is not None:
            counts = ops.not_equal(y_true, float(self.ignore_class))
            sample_weight = ops.multiply(counts, weights_of(counts, sample_weight))
        super().update_state(y_true, y_pred, sample_weight)


class KLDivergence(WordMetric):
    """How far outputs are from the distribution that labels are.

    Formula: mean(sum(y log(y / p))), of numbers in [1e-7, 1]

    Args:
        name: Its name.
        dtype: "float32" or None.

    Shapes:
        Labels and outputs (n, ..., classes).

    Source:
        Keras 3, `keras.metrics.KLDivergence`.

    Example:
        >>> float(KLDivergence()([[0.5, 0.5]], [[0.5, 0.5]]))
        0.0
    """

    larger_is_better = False

    def __init__(self, name: str | None = "kl_divergence", dtype: Any = None) -> None:
        super().__init__(losses.kl_divergence, name, dtype)


class Poisson(WordMetric):
    """Minus the log-likelihood of counts, without what depends on labels alone.

    Formula: mean(p - y log(p + 1e-7))

    Args:
        name: Its name.
        dtype: "float32" or None.

    Shapes:
        Labels of the outputs' shape; (n,) will do for (n, 1).

    Source:
        Keras 3, `keras.metrics.Poisson`.

    Example:
        >>> float(Poisson()([[0.0]], [[2.0]]))
        2.0
    """

    larger_is_better = False

    def __init__(self, name: str | None = "poisson", dtype: Any = None) -> None:
        super().__init__(losses.poisson, name, dtype)
