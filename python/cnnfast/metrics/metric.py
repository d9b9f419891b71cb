"""What every metric has in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np

from cnnfast.layers.tracing import Value, weighted
from cnnfast.utils.arguments import not_offered
from cnnfast.utils.serialization import Configured, snake_case

if TYPE_CHECKING:
    from typing_extensions import Self

    from cnnfast._core import MetricKernel
    from cnnfast.layers.variable import Variable
    from cnnfast.utils.serialization import Config


class LabelForm(Enum):
    """The labels that a metric understands."""

    SPARSE = "class numbers"
    DENSE = "arrays of the output's shape"


class Metric:
    """Base of the metrics, and of your own: variables that batches update, and a result told from them.

    A metric of your own makes its variables in `__init__` with `add_variable`; `update_state` assigns to them
    what functions of `cnnfast.ops` make of them, of labels and outputs; `result` computes with them. What is
    compared with the labels is exactly what `predict` returns.

    Args:
        dtype: "float32" or None.
        name: Its name in logs; None makes one up.

    Source:
        Keras 3, `keras.metrics.Metric`.
    """

    larger_is_better: ClassVar[bool] = True
    name: str | None

    def __init__(self, dtype: Any = None, name: str | None = None) -> None:
        not_offered(type(self).__name__, dtype=(dtype, None))
        self.name = name
        self._begins: list[tuple[Variable, np.ndarray[Any, Any]]] = []

    @property
    def display_name(self) -> str:
        """The name in logs and in the history."""
        return self.name or snake_case(type(self).__name__)

    def add_variable(
        self,
        shape: Sequence[int] = (),
        initializer: Any = "zeros",
        dtype: Any = None,
        aggregation: str = "sum",
        name: str | None = None,
    ) -> Variable:
        """Makes a variable, which `reset_state` sets to what it began with.

        Args:
            shape: Its shape; () for one number.
            initializer: What it begins with; None is "zeros".
            dtype: "float32" or None.
            aggregation: Keras's argument; nothing here depends on it.
            name: Its name; None makes one up.
        """
        from cnnfast.layers.adding import new_weight

        not_offered(type(self).__name__, dtype=(dtype, None))
        called = f"{self.display_name}/{name or f'variable_{len(self._begins)}'}"
        variable = new_weight(called, tuple(shape), initializer or "zeros", None, None)
        self._begins.append((variable, variable.numpy()))
        return variable

    def add_weight(
        self, shape: Sequence[int] = (), initializer: Any = None, dtype: Any = None, name: str | None = None
    ) -> Variable:
        """Keras's other name for `add_variable`."""
        return self.add_variable(shape, initializer, dtype, name=name)

    @property
    def variables(self) -> list[Variable]:
        """Its variables."""
        return [variable for variable, _ in self._begins]

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Assigns to the variables what a batch adds to them.

        Args:
            y_true: What stands for the labels.
            y_pred: What stands for the outputs.
            sample_weight: What stands for the weights of samples, among `weighted_metrics`; else None.
        """
        raise NotImplementedError(f"metric {self.display_name!r} needs a method `update_state`")

    def result(self) -> Any:
        """Returns the number for the logs, told from the variables."""
        raise NotImplementedError(f"metric {self.display_name!r} needs a method `result`")

    def reset_state(self) -> None:
        """Sets the variables to what they began with."""
        for variable, begin in self._begins:
            variable.assign(begin)

    def get_config(self) -> Config:
        """Returns the arguments that make an equal metric."""
        return {"name": self.name}

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """Makes the metric that `config` describes."""
        return cls(**config)


class MeanMetric(Metric):
    """Base of the metrics that are means of numbers of each sample."""

    def _traced(self, y_true: Value, y_pred: Value, sparse: bool, weights: Value | None) -> Value:
        """Adds to a graph the values whose mean it is, each times its weight."""
        raise NotImplementedError


class FunctionMetric(MeanMetric):
    """A function of your own as a metric: the mean of what it returns.

    Args:
        fn: Called with what stands for labels and outputs.
        name: Its name; None is the function's.

    Example:
        >>> FunctionMetric(lambda y_true, y_pred: y_pred, name="outputs").display_name
        'outputs'
    """

    def __init__(self, fn: Callable[[Any, Any], Any], name: str | None = None) -> None:
        super().__init__(name=getattr(fn, "__name__", "metric") if name is None else name)
        self.fn = fn

    def _traced(self, y_true: Value, y_pred: Value, sparse: bool, weights: Value | None) -> Value:
        values = self.fn(y_true, y_pred)
        if not isinstance(values, Value):
            raise ValueError(
                f"metric {self.display_name!r} must return what functions of cnnfast.ops made, got {values!r}"
            )
        return weighted(values, weights)


class KernelMetric(Configured, MeanMetric):
    """Base of the metrics that the core computes.

    Source:
        Keras 3, `keras.metrics`.
    """

    labels: ClassVar[LabelForm | None] = None

    def _refuse(self, dtype: Any, **given: tuple[Any, Any]) -> None:
        not_offered(type(self).__name__, dtype=(dtype, None), **given)

    def _core_name(self, outputs: int) -> str:
        """Returns the core's name, given how many outputs there are."""
        raise NotImplementedError

    def _traced(self, y_true: Value, y_pred: Value, sparse: bool, weights: Value | None) -> Value:
        graph = y_pred.graph
        kind, _, number = self._resolve(sparse, y_pred.dims[-1] if y_pred.dims else 1).partition(":")
        options: dict[str, Any] = {"k": int(number)} if kind == "top_k" else {}
        if kind == "binary_accuracy" and number:
            options["threshold"] = float(number)
        value = graph.value(
            graph.metric(cast("MetricKernel", kind), y_pred.number, y_true.number, kind, **options)
        )
        return weighted(value, weights)

    def _resolve(self, sparse: bool, outputs: int) -> str:
        form = LabelForm.SPARSE if sparse else LabelForm.DENSE
        if self.labels not in (None, form):
            raise ValueError(
                f"metric {self.display_name!r} needs labels that are {self.labels.value}, but this loss "
                f"takes {form.value}; use the metric of the loss's kind, or 'accuracy', which adapts"
            )
        return self._core_name(outputs)
