"""Losses of probabilities. Plain cross-entropies have kernels: see kernels.py."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnnfast.losses import functions
from cnnfast.losses.loss import WordLoss
from cnnfast.utils.arguments import entries


class BinaryFocalCrossentropy(WordLoss):
    """Binary cross-entropy that makes less of what is easy.

    Formula: mean(-(1 - q)^gamma log q), q the probability of what is true

    Args:
        apply_class_balancing: Whether ones weigh alpha, and zeros 1 - alpha.
        alpha: The weight of ones.
        gamma: How much less what is easy counts, at least 0.
        from_logits: Whether the model ends without sigmoid; the loss then includes it.
        label_smoothing: How far labels are moved towards 1 / 2, from 0 to 1.
        axis: The axis along which means go.
        reduction: As in `Loss`.
        name: Its name.
        dtype: "float32" or None.

    Shapes:
        Labels of the outputs' shape; (n,) will do for (n, 1).

    Source:
        Lin et al., 2017; Keras 3, `keras.losses.BinaryFocalCrossentropy`.

    Example:
        >>> float(BinaryFocalCrossentropy()([[1.0]], [[0.5]]))
        0.1732...
    """

    def __init__(
        self,
        apply_class_balancing: bool = False,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "binary_focal_crossentropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(
            functions.binary_focal_crossentropy,
            reduction,
            name,
            dtype,
            apply_class_balancing=apply_class_balancing,
            alpha=alpha,
            gamma=gamma,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )


class CategoricalFocalCrossentropy(WordLoss):
    """Cross-entropy that makes less of what is easy.

    Formula: -sum(alpha (1 - p)^gamma y log p)

    Args:
        alpha: The weight of all classes, or that of each, which are then along the last axis.
        gamma: How much less what is easy counts, at least 0.
        from_logits: Whether the model ends without softmax; the loss then includes it.
        label_smoothing: How far labels are moved towards equal ones, from 0 to 1.
        axis: The axis of the classes.
        reduction: As in `Loss`.
        name: Its name.
        dtype: "float32" or None.

    Shapes:
        Labels and outputs (n, ..., classes).

    Source:
        Lin et al., 2017; Keras 3, `keras.losses.CategoricalFocalCrossentropy`.

    Example:
        >>> float(CategoricalFocalCrossentropy()([[0.0, 1.0]], [[0.5, 0.5]]))
        0.0433...
    """

    def __init__(
        self,
        alpha: float | Sequence[float] = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "categorical_focal_crossentropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(
            functions.categorical_focal_crossentropy,
            reduction,
            name,
            dtype,
            alpha=alpha if (each := entries(alpha)) is None else [float(weight) for weight in each],
            gamma=gamma,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )


class KLDivergence(WordLoss):
    """How far outputs are from the distribution that labels are.

    Formula: sum(y log(y / p)), of numbers in [1e-7, 1]

    Args:
        reduction: As in `Loss`.
        name: Its name.
        dtype: "float32" or None.

    Shapes:
        Labels and outputs (n, ..., classes).

    Source:
        Keras 3, `keras.losses.KLDivergence`.

    Example:
        >>> float(KLDivergence()([[0.5, 0.5]], [[0.5, 0.5]]))
        0.0
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "kl_divergence",
        dtype: Any = None,
    ) -> None:
        super().__init__(functions.kl_divergence, reduction, name, dtype)


class Poisson(WordLoss):
    """Minus the log-likelihood of counts, without what depends on labels alone.

    Formula: mean(p - y log(p + 1e-7))

    Args:
        reduction: As in `Loss`.
        name: Its name.
        dtype: "float32" or None.

    Shapes:
        Labels of the outputs' shape; (n,) will do for (n, 1).

    Source:
        Keras 3, `keras.losses.Poisson`.

    Example:
        >>> float(Poisson()([[0.0]], [[2.0]]))
        2.0
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "poisson",
        dtype: Any = None,
    ) -> None:
        super().__init__(functions.poisson, reduction, name, dtype)


class CategoricalGeneralizedCrossEntropy(WordLoss):
    """Between cross-entropy and mean absolute error: robust to wrong labels.

    Formula: (1 - p[y]^q) / q, for class numbers y

    Args:
        q: From 1, mean absolute error, to near 0, cross-entropy.
        reduction: As in `Loss`.
        name: Its name.
        dtype: "float32" or None.

    Shapes:
        Labels (n, ...), outputs (n, ..., classes).

    Source:
        Zhang and Sabuncu, 2018; Keras 3, `keras.losses.CategoricalGeneralizedCrossEntropy`.

    Example:
        >>> float(CategoricalGeneralizedCrossEntropy()([1], [[0.75, 0.25]]))
        1.0
    """

    def __init__(
        self,
        q: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str = "categorical_generalized_cross_entropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(functions.categorical_generalized_cross_entropy, reduction, name, dtype, q=q)


class CTC(WordLoss):
    """How unlikely it is that sequences of classes say the labels, whose places are not told.

    Formula: `ops.ctc_loss`'s; class 0 stands for blanks, and for labels where there are no more.

    Args:
        reduction: As in `Loss`.
        name: Its name.
        dtype: "float32" or None.

    Shapes:
        Labels (n, length), outputs, which are logits, (n, times, classes).

    Source:
        Graves et al., 2006; Keras 3, `keras.losses.CTC`.

    Example:
        >>> float(CTC()([[1, 0]], [[[0.0, 0.0], [0.0, 0.0]]]))
        0.2876...
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str = "ctc", dtype: Any = None
    ) -> None:
        super().__init__(functions.ctc, reduction, name, dtype)
