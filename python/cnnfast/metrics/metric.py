"""What every metric has in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from cnnfast.utils.arguments import not_offered
from cnnfast.utils.serialization import snake_case

if TYPE_CHECKING:
    from typing_extensions import Self

    from cnnfast.layers.tracing import Value
    from cnnfast.layers.variable import Variable
    from cnnfast.utils.serialization import Config


class Metric:
    """Base of the metrics, and of your own: variables that batches update, and a result told from them.

    A metric of your own makes its variables in `__init__` with `add_variable`; `update_state` assigns to them
    what functions of `cnnfast.ops` make of them, of labels and outputs; `result` computes with them. What is
    compared with the labels is exactly what `predict` returns.

    In `compile(metrics=[...])` the updates are a part of the compiled steps. On arrays, `update_state` and
    `result` are called by hand; calling the metric does both.

    Args:
        dtype: "float32" or None.
        name: Its name in logs; None makes one up.

    Source:
        Keras 3, `keras.metrics.Metric`.

    Example:
        >>> class Largest(Metric):
        ...     def __init__(self, name="largest"):
        ...         super().__init__(name=name)
        ...         self.top = self.add_variable(initializer="zeros")
        ...     def update_state(self, y_true, y_pred, sample_weight=None):
        ...         self.top.assign(ops.maximum(self.top, ops.max(y_pred)))
        ...     def result(self):
        ...         return self.top.numpy()
        >>> from cnnfast import ops
        >>> metric = Largest()
        >>> float(metric([0.0, 0.0], [1.0, 3.0])), float(metric([0.0], [2.0]))
        (3.0, 3.0)
    """

    larger_is_better: ClassVar[bool] = True
    _dtype: ClassVar[str] = "float32"  # so named where metrics are derived from Keras's
    name: str | None

    @property
    def _is_mean(self) -> bool:
        """Whether steps may report sums of what `_traced` adds to a graph, with no variables."""
        return False

    def _traced(self, y_true: Value, y_pred: Value, sparse: bool, weights: Value | None) -> Value:
        raise NotImplementedError

    def __init__(self, dtype: Any = None, name: str | None = None) -> None:
        not_offered(type(self).__name__, dtype=(dtype, None))
        self.name = name
        self._begins: list[tuple[Variable, np.ndarray[Any, Any]]] = []

    @property
    def display_name(self) -> str:
        """The name in logs and in the history."""
        return self.name or snake_case(type(self).__name__)

    @property
    def dtype(self) -> str:
        """Always "float32"."""
        return self._dtype

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
        variable = new_weight(
            name or f"variable_{len(self._begins)}", tuple(shape), initializer or "zeros", None, None
        )
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

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Updates the variables, as `update_state`, and returns the result."""
        self.update_state(*args, **kwargs)
        return self.result()

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

    def __reduce__(self) -> Any:
        """Pickled, it is its arguments, and begins anew."""
        return type(self).from_config, (self.get_config(),)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in self.get_config().items())})"

    def _build(self, y_true_shape: Any, y_pred_shape: Any) -> None:
        """Makes the variables whose shapes depend on labels and outputs, where it has none yet."""
