"""What every metric has in common."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar, cast

from cnnfast.utils.arguments import not_offered
from cnnfast.utils.serialization import Configured, snake_case

if TYPE_CHECKING:
    from cnnfast._core import MetricKernel
    from cnnfast.layers.tracing import Value


class LabelForm(Enum):
    """The labels that a metric understands."""

    SPARSE = "class numbers"
    DENSE = "arrays of the output's shape"


class Metric(Configured):
    """Base of the metrics: what they compare with the labels is exactly what `predict` returns.

    Source:
        Keras 3, `keras.metrics`.
    """

    labels: ClassVar[LabelForm | None] = None
    larger_is_better: ClassVar[bool] = True

    name: str | None

    @property
    def display_name(self) -> str:
        """The name in logs and in the history."""
        return self.name or snake_case(type(self).__name__)

    def _refuse(self, dtype: Any, **given: tuple[Any, Any]) -> None:
        not_offered(type(self).__name__, dtype=(dtype, None), **given)

    def _core_name(self, outputs: int) -> str:
        """Returns the core's name, given how many outputs there are."""
        raise NotImplementedError

    def _traced(self, y_true: Value, y_pred: Value, sparse: bool, weights: Value | None) -> Value:
        """Adds to a graph the values whose mean it is, each times its weight."""
        graph = y_pred.graph
        kind, _, number = self._resolve(sparse, y_pred.dims[-1] if y_pred.dims else 1).partition(":")
        options: dict[str, Any] = {"k": int(number)} if kind == "top_k" else {}
        if kind == "binary_accuracy" and number:
            options["threshold"] = float(number)
        value = graph.value(
            graph.metric(cast("MetricKernel", kind), y_pred.number, y_true.number, kind, **options)
        )
        return value if weights is None else value * weights

    def _resolve(self, sparse: bool, outputs: int) -> str:
        form = LabelForm.SPARSE if sparse else LabelForm.DENSE
        if self.labels not in (None, form):
            raise ValueError(
                f"metric {self.display_name!r} needs labels that are {self.labels.value}, but this loss "
                f"takes {form.value}; use the metric of the loss's kind, or 'accuracy', which adapts"
            )
        return self._core_name(outputs)
