"""What every metric has in common."""

from __future__ import annotations

from enum import Enum
from typing import Any, ClassVar

from cnnfast.utils.arguments import not_offered
from cnnfast.utils.serialization import Configured, snake_case


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

    def _resolve(self, sparse: bool, outputs: int) -> str:
        form = LabelForm.SPARSE if sparse else LabelForm.DENSE
        if self.labels not in (None, form):
            raise ValueError(
                f"metric {self.display_name!r} needs labels that are {self.labels.value}, but this loss "
                f"takes {form.value}; use the metric of the loss's kind, or 'accuracy', which adapts"
            )
        return self._core_name(outputs)
