"""Sums and means of what batches bring, which most metrics are."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any, ClassVar

import numpy as np

from cnnfast import ops
from cnnfast.layers.tracing import Value, weighted
from cnnfast.losses.reducing import as_numbers, same_rank, widened
from cnnfast.metrics.metric import Metric
from cnnfast.utils.serialization import Config, snake_case


def name_of(function: Callable[..., Any]) -> str:
    """Returns what a function is called as a metric, as Keras does.

    Example:
        >>> name_of(lambda y_true, y_pred: y_pred), name_of(share)
        ('lambda', 'share')
    """
    return snake_case(getattr(function, "__name__", "metric").strip("<>"))


def share(part: Any, whole: Any) -> Any:
    """Returns part / whole in float64; 0 where the whole is 0.

    Example:
        >>> share([1.0, 1.0], [2.0, 0.0])
        array([0.5, 0. ])
    """
    part, whole = np.broadcast_arrays(np.asarray(part, np.float64), np.asarray(whole, np.float64))
    return np.divide(part, whole, out=np.zeros(part.shape), where=whole != 0)[()]


def of_samples(values: Any, sample_weight: Any, reduce: Callable[..., Any]) -> tuple[Any, Any]:
    """Returns a number of each sample, times its weight, and the weights.

    Args:
        values: One number a sample, or several.
        sample_weight: Weights of samples, or of their numbers; None for 1.
        reduce: What makes one number of several: `ops.sum` or `ops.mean`.

    Example:
        >>> of_samples([[1.0, 3.0], [5.0, 7.0]], [1.0, 2.0], ops.mean)
        (array([ 2., 12.], dtype=float32), array([1., 2.], dtype=float32))
    """
    values = as_numbers(values)
    if sample_weight is None:
        return _reduced(values, 1, reduce), ops.ones_like(_reduced(values, 1, reduce))
    values, weights = same_rank(values, sample_weight)
    values = _reduced(values, len(weights.shape), reduce)
    weights = ops.multiply(ops.ones_like(values), weights)
    values = ops.multiply(values, weights)
    return _reduced(values, 1, reduce), _reduced(weights, 1, reduce)


def _reduced(x: Any, first: int, reduce: Callable[..., Any]) -> Any:
    """What `reduce` makes of the axes from the first on."""
    rank = len(x.shape)
    return reduce(x, axis=tuple(range(first, rank))) if rank > first else x


def weights_of(x: Any, sample_weight: Any) -> Any:
    """Returns weights with as many axes as x, further ones at the end; ones where there are no weights.

    Example:
        >>> weights_of([[1.0, 2.0], [3.0, 4.0]], [0.5, 2.0]).shape
        (2, 1)
    """
    x = as_numbers(x)
    if sample_weight is None:
        return ops.ones_like(x)
    weights = as_numbers(sample_weight)
    if len(weights.shape) > len(x.shape):
        return ops.squeeze(weights, -1)
    return widened(weights, len(x.shape))


class Sum(Metric):
    """Sum of numbers.

    Args:
        name: Its name.
        dtype: "float32" or None.

    Source:
        Keras 3, `keras.metrics.Sum`.

    Example:
        >>> float(Sum()([1.0, 3.0], sample_weight=[1.0, 2.0]))
        7.0
    """

    def __init__(self, name: str | None = "sum", dtype: Any = None) -> None:
        super().__init__(dtype, name)
        self.total = self.add_variable(name="total")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        """Adds numbers.

        Args:
            values: The numbers.
            sample_weight: What they are multiplied by; None for 1.
        """
        self.total.assign_add(ops.sum(of_samples(values, sample_weight, ops.sum)[0]))

    def result(self) -> Any:
        """Returns the sum."""
        return np.float64(self.total.numpy())


class Mean(Metric):
    """Mean of numbers: their weighted sum over the sum of the weights.

    Args:
        name: Its name.
        dtype: "float32" or None.

    Source:
        Keras 3, `keras.metrics.Mean`.

    Example:
        >>> mean = Mean()
        >>> mean.update_state([1.0, 3.0])
        >>> mean.update_state([8.0])
        >>> float(mean.result())
        4.0
    """

    def __init__(self, name: str | None = "mean", dtype: Any = None) -> None:
        super().__init__(dtype, name)
        self.total = self.add_variable(name="total")
        self.count = self.add_variable(name="count")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        """Adds numbers.

        Args:
            values: Numbers of samples, the mean of several for each.
            sample_weight: Their weights; None for 1.
        """
        numbers, weights = of_samples(values, sample_weight, ops.mean)
        self.total.assign_add(ops.sum(numbers))
        self.count.assign_add(ops.sum(weights))

    def result(self) -> Any:
        """Returns the mean; 0 of nothing."""
        return share(self.total.numpy(), self.count.numpy())


class MeanMetricWrapper(Mean):
    """A function as a metric: the mean of what it returns.

    Args:
        fn: Called with labels and outputs, or what stands for them; returns numbers of samples.
        name: Its name; None is that of the class.
        dtype: "float32" or None.
        kwargs: What else the function is called with.

    Source:
        Keras 3, `keras.metrics.MeanMetricWrapper`.

    Example:
        >>> metric = MeanMetricWrapper(lambda y_true, y_pred: ops.abs(y_true - y_pred), name="distance")
        >>> float(metric([1.0, 2.0], [1.0, 4.0]))
        1.0
    """

    def __init__(
        self, fn: Callable[..., Any], name: str | None = None, dtype: Any = None, **kwargs: Any
    ) -> None:
        super().__init__(name, dtype)
        self._fn, self._fn_kwargs = fn, kwargs

    def update_state(  # type: ignore[override]
        self, y_true: Any, y_pred: Any, sample_weight: Any = None
    ) -> None:
        """Adds what the function makes of a batch.

        Args:
            y_true: The labels.
            y_pred: The outputs.
            sample_weight: What each sample counts; None for 1.
        """
        super().update_state(self._values(as_numbers(y_true), as_numbers(y_pred)), sample_weight)

    def get_config(self) -> Config:
        """Returns the arguments that make an equal metric."""
        return {"name": self.name, "fn": self._fn, **self._fn_kwargs}

    @property
    def _own_function(self) -> Callable[..., Any] | None:
        """The function where it is all that there is to say."""
        alone = type(self) is MeanMetricWrapper and not self._fn_kwargs
        return self._fn if alone and self.name == name_of(self._fn) else None

    def _values(self, y_true: Any, y_pred: Any) -> Any:
        return self._fn(y_true, y_pred, **self._fn_kwargs)

    @property
    def _is_mean(self) -> bool:
        """Whether steps may report what `_traced` adds up, with no state: nobody changed what it means."""
        kind = type(self)
        return kind.update_state is MeanMetricWrapper.update_state and kind.result is Mean.result

    def _traced(self, y_true: Value, y_pred: Value, sparse: bool, weights: Value | None) -> Value:
        """Adds to a graph the values whose mean it is, each times its weight."""
        values = self._values(y_true, y_pred)
        if not isinstance(values, Value):
            raise ValueError(
                f"metric {self.display_name!r} must return what functions of cnnfast.ops made, got {values!r}"
            )
        return weighted_means(values, weights)


def weighted_means(values: Value, weights: Value | None) -> Value:
    """Returns values times weights; the mean of several values where there is one weight for them.

    Example:
        >>> from cnnfast.layers.tracing import Tracing
        >>> graph = Tracing()
        >>> values, weights = (graph.value(graph.input(dims, "x")) for dims in ((2, 3), ()))
        >>> weighted_means(values, weights).shape
        (None,)
    """
    if weights is not None and values.rows:
        values = _reduced(values, weights.ndim, ops.mean)
    return weighted(values, weights)


class LabelForm(Enum):
    """The labels that a metric understands."""

    SPARSE = "class numbers"
    DENSE = "arrays of the output's shape"


class WordMetric(MeanMetricWrapper):
    """Base of the built-in means: a function of `cnnfast.metrics`, and what it is called with.

    Args:
        fn: The function of labels and outputs.
        name: Its name.
        dtype: "float32" or None.
        arguments: What else the function takes; attributes of the metric.
    """

    labels: ClassVar[LabelForm | None] = LabelForm.DENSE

    def __init__(self, fn: Callable[..., Any], name: str | None, dtype: Any, **arguments: Any) -> None:
        super().__init__(fn, name, dtype, **arguments)
        vars(self).update(arguments)

    def get_config(self) -> Config:
        """Returns the arguments that make an equal metric."""
        return {"name": self.name, **self._fn_kwargs}

    def _traced(self, y_true: Value, y_pred: Value, sparse: bool, weights: Value | None) -> Value:
        self._check_labels(sparse)
        return super()._traced(y_true, y_pred, sparse, weights)

    def _check_labels(self, sparse: bool) -> None:
        form = LabelForm.SPARSE if sparse else LabelForm.DENSE
        if self.labels not in (None, form):
            raise ValueError(
                f"metric {self.display_name!r} needs labels that are {self.labels.value}, but this loss "
                f"takes {form.value}; use the metric of the loss's kind, or 'accuracy', which adapts"
            )
