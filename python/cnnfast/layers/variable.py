"""A layer's weights as users see them; the numbers themselves live in the core."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cnnfast._core import Weight
from cnnfast.config import next_seed
from cnnfast.layers.operators import Operators
from cnnfast.layers.tracing import Value, current_tracing
from cnnfast.utils.arguments import not_offered
from cnnfast.utils.samples import check_weights

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray
    from typing_extensions import Self

    from cnnfast.constraints import Constraint
    from cnnfast.regularizers import Regularizer


class Variable(Operators, Weight):
    """One array of weights. Its layer makes it once and keeps it; models compute with it where it is.

    In a layer's `call` it is a tensor like others. Layers make theirs with `add_weight`; one that is set as
    an attribute of a layer becomes a weight of the layer, too.

    Args:
        initializer: Its first values, or an initializer or its name, or a function of (shape, dtype).
        shape: Its shape; None for that of the values.
        dtype: "float32" or None.
        trainable: Whether training changes it.
        autocast: Keras's argument; nothing here depends on it, nor on the next two.
        aggregation: The same.
        synchronization: The same.
        name: Its name; None makes one up.

    Attributes:
        name: The layer's name and what it is there, such as "head/kernel".
        shape: Its shape.
        size: How many numbers it holds.
        trainable: Whether training changes it, in whatever model.
        learning_rate_factor: By what an optimizer's learning rate is multiplied for it, at least 0.
        regularizer: What the loss has of it; None for nothing.
        penalty: The same, where it is not one that the core adds itself.
        constraint: What holds it after each update; None for nothing.

    Raises:
        ValueError: If there is no shape for an initializer, or the values have another one.

    Source:
        Keras 3, `keras.Variable`.

    Example:
        >>> Variable([1.0, 2.0], name="pair")
        <Variable pair, shape=(2,)>
        >>> from cnnfast.layers import Dense
        >>> layer = Dense(2, kernel_initializer="ones", name="head")
        >>> layer.build((None, 3))
        >>> layer.kernel
        <Variable head/kernel, shape=(3, 2)>
        >>> layer.kernel.assign([[1, 2], [3, 4], [5, 6]])
        >>> layer.kernel.numpy()[2]
        array([5., 6.], dtype=float32)
    """

    __slots__ = ("constraint", "penalty", "regularizer")

    regularizer: Regularizer | None
    penalty: Regularizer | None
    constraint: Constraint | None

    def __init__(
        self,
        initializer: Any,
        shape: Sequence[int] | None = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        aggregation: str = "none",
        synchronization: str = "auto",
        name: str | None = None,
    ) -> None:
        from cnnfast import initializers
        from cnnfast.initializers.initializer import first_values
        from cnnfast.layers.layer import new_name

        not_offered("Variable", dtype=(None if dtype == "float32" else dtype, None))
        name = new_name("variable") if name is None else name
        if callable(initializer) or isinstance(initializer, str):
            if shape is None:
                raise ValueError(f"variable {name!r} needs a shape for its initializer {initializer!r}")
            values = first_values(initializers.get(initializer), tuple(shape), next_seed())
        else:
            values = check_weights(
                initializer, np.shape(initializer) if shape is None else tuple(shape), name
            )
        self._begin(name, values.shape)
        self.trainable = bool(trainable)
        self.assign_first(values)

    @classmethod
    def named(cls, name: str, shape: Sequence[int]) -> Self:
        """Makes one whose values come later.

        Args:
            name: Its name.
            shape: Its shape.

        Example:
            >>> Variable.named("head/kernel", (3, 2))
            <Variable head/kernel, shape=(3, 2)>
        """
        made = cls.__new__(cls)
        made._begin(name, shape)
        return made

    def _begin(self, name: str, shape: Sequence[int]) -> None:
        Weight.__init__(self, name, tuple(shape))
        self.regularizer = self.penalty = self.constraint = None

    @property
    def dtype(self) -> np.dtype[np.float32]:
        """Always float32."""
        return np.dtype(np.float32)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def value(self) -> Any:
        """The numbers; in a layer's `call`, or wherever else it is traced, what stands for them."""
        graph = current_tracing()
        return self.numpy() if graph is None else graph.as_value(self)

    def __float__(self) -> float:
        return float(self.value)

    def __int__(self) -> int:
        return int(self.value)

    @property
    def path(self) -> str:
        """Keras's name for `name`."""
        return self.name

    def assign(self, value: ArrayLike | Value) -> None:
        """Sets the values.

        While a layer is traced, what stands for an array is assigned after each training step.

        Args:
            value: Numbers of exactly this shape.

        Raises:
            ValueError: If the shape differs, or they are not real numbers that float32 holds.
        """
        graph = current_tracing()
        if graph is not None:
            graph.assigned(self, graph.as_value(value))
        else:
            super().assign(self._checked(value))

    def assign_add(self, value: Any) -> None:
        """Adds to the values; as `assign`."""
        self.assign(self + value if _is_traced(value) else self.numpy() + np.asarray(value))

    def assign_sub(self, value: Any) -> None:
        """Subtracts from the values; as `assign`."""
        self.assign(self - value if _is_traced(value) else self.numpy() - np.asarray(value))

    def _checked(self, value: ArrayLike) -> NDArray[np.float32]:
        return check_weights(value, self.shape, self.name)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        if copy is False:
            raise ValueError("weights live in the core; NumPy gets a copy (leave copy=False out)")
        return self.numpy().astype(dtype or np.float32, copy=False)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        values = [each.value if isinstance(each, Variable) else each for each in inputs]
        return getattr(ufunc, method)(*values, **options)

    def __dlpack__(self, **how: Any) -> Any:
        """Hands other libraries a copy: `torch.from_dlpack(layer.kernel)`."""
        if how.get("copy") is False:
            raise BufferError("weights live in the core; other libraries get a copy (leave copy=False out)")
        return self.numpy().__dlpack__(**how)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.numpy().__dlpack_device__()

    def __reduce__(self) -> Any:
        """Copies and pickles hold the values, and the rules that training follows."""
        from cnnfast.layers.adding import weight_again

        values = self.numpy() if self.has_values else None
        rules = (self.regularizer, self.constraint, self.trainable, self.learning_rate_factor)
        return weight_again, (self.name, self.shape, values, *rules)

    def __repr__(self) -> str:
        return f"<Variable {self.name}, shape={self.shape}>"


def _is_traced(value: Any) -> bool:
    return isinstance(value, Value) or current_tracing() is not None
