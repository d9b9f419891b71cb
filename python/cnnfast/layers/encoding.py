"""Class numbers as zeros and ones, and numbers as those of the bins they lie in."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnfast.layers.layer import Layer
from cnnfast.utils.arguments import not_offered, one_of, real_number, whole_number
from cnnfast.utils.samples import as_array

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from typing_extensions import Self, Unpack

    from cnnfast.layers.layer import LayerOptions
    from cnnfast.utils.serialization import Config


def _encoded(name: str, numbers: Any, mode: str, depth: int, weights: Any = None) -> Any:
    """Class numbers below `depth` in one of the forms of `CategoryEncoding`."""
    from cnnfast import ops

    if mode == "one_hot":
        single = numbers.dims[-1:] == (1,)
        return ops.one_hot(ops.squeeze(numbers, -1) if single else numbers, depth)
    if not numbers.dims:
        raise ValueError(f"layer {name!r}: output_mode {mode!r} is about several numbers a sample, got one")
    each = ops.one_hot(numbers, depth)
    if mode == "multi_hot":
        return ops.max(each, -2)
    return ops.sum(each if weights is None else each * ops.expand_dims(weights, -1), -2)


class CategoryEncoding(Layer):
    """Class numbers as vectors of as many numbers as there are classes.

    Formula: "one_hot": out[..., k] = 1 where in = k, else 0; "multi_hot": 1 where any along the last axis is
    k; "count": how many along the last axis are k, or the sum of their `count_weights`.

    Args:
        num_tokens: How many classes there are, at least 1; other numbers than 0 to num_tokens - 1 count as
            none.
        output_mode: "multi_hot", "one_hot" or "count".
        sparse: Keras's argument, which must be False.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        (n, ..., m) -> (n, ..., num_tokens); "one_hot" of m other than 1 appends the axis.

    Raises:
        ValueError: If an argument is out of its range.

    Source:
        Keras 3, `keras.layers.CategoryEncoding`.

    Example:
        >>> CategoryEncoding(4, "count")([[0, 1, 1], [2, 3, 9]])
        array([[1., 2., 0., 0.],
               [0., 0., 1., 1.]], dtype=float32)
    """

    def __init__(
        self,
        num_tokens: int | None = None,
        output_mode: str = "multi_hot",
        sparse: bool = False,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        not_offered("CategoryEncoding", sparse=(sparse, False))
        one_of(output_mode, "output_mode", ("multi_hot", "one_hot", "count"))
        self.num_tokens = whole_number(num_tokens, "num_tokens", 1)
        self.output_mode = output_mode

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """As every layer; an array of one axis is one sample of several numbers, but in "one_hot"."""
        inputs = args[0] if args and isinstance(args[0], (list, np.ndarray)) else None
        if inputs is not None and self.output_mode != "one_hot" and np.ndim(inputs) == 1:
            return super().__call__(np.asarray(inputs)[None], *args[1:], **kwargs)[0]
        return super().__call__(*args, **kwargs)

    def call(self, inputs: Any, count_weights: Any = None) -> Any:
        """Returns the vectors.

        Args:
            inputs: Class numbers.
            count_weights: What each counts in "count", of the inputs' shape; None for 1.
        """
        if count_weights is not None and self.output_mode != "count":
            raise ValueError(
                f"layer {self.name!r}: count_weights are for output_mode 'count', it has {self.output_mode!r}"
            )
        return _encoded(self.name, inputs, self.output_mode, self.num_tokens, count_weights)

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer."""
        return {**super().get_config(), "num_tokens": self.num_tokens, "output_mode": self.output_mode}


class Discretization(Layer):
    """Numbers as those of the bins they lie in.

    Formula: out = how many boundaries are at most in; or what `CategoryEncoding` makes of that.

    Args:
        bin_boundaries: Where bins meet, in rising order; `adapt` finds them where `num_bins` is given.
        num_bins: How many bins `adapt` is to find, of about equally many numbers.
        epsilon: How exactly it finds them: the share of the numbers by which a boundary may be off.
        output_mode: "int", "one_hot", "multi_hot" or "count".
        sparse: Keras's argument, which must be False.
        dtype: Keras's argument, which must be None.
        name: Its name in the model; None makes one up.
        options: Arguments of every layer: `trainable`, `input_shape`.

    Shapes:
        Any, unchanged by "int"; else as of `CategoryEncoding`, with one number for each bin.

    Raises:
        ValueError: If an argument is out of its range, or boundaries are not known when it is called.

    Source:
        Keras 3, `keras.layers.Discretization`.

    Example:
        >>> import numpy as np
        >>> Discretization([0.0, 1.0, 2.0])(np.array([[-1.5, 1.0, 3.4, 0.5]]))
        array([[0., 2., 3., 1.]], dtype=float32)
    """

    def __init__(
        self,
        bin_boundaries: Sequence[float] | None = None,
        num_bins: int | None = None,
        epsilon: float = 0.01,
        output_mode: str = "int",
        sparse: bool = False,
        dtype: str | None = None,
        name: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(name=name, dtype=dtype, **options)
        not_offered("Discretization", sparse=(sparse, False))
        one_of(output_mode, "output_mode", ("int", "one_hot", "multi_hot", "count"))
        if (bin_boundaries is None) == (num_bins is None):
            raise ValueError(
                "Discretization takes either bin_boundaries or num_bins, got "
                f"{bin_boundaries!r} and {num_bins!r}"
            )
        self.num_bins = None if num_bins is None else whole_number(num_bins, "num_bins", 1)
        self.epsilon = real_number(epsilon, "epsilon", 1e-6, below=1.0)
        self.output_mode = output_mode
        self.bin_boundaries = None if bin_boundaries is None else _rising(bin_boundaries)

    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Finds boundaries between bins that have about as many of the given numbers each.

        Args:
            data: An array, or an iterable of batches.
            steps: How many batches are taken; None for all.

        Raises:
            ValueError: If the layer was given boundaries, or models were made of it with others.
        """
        if self.num_bins is None:
            raise ValueError(
                f"layer {self.name!r} has boundaries of its own; give num_bins instead to adapt it"
            )
        if self._symbol is not None:
            raise ValueError(f"layer {self.name!r} is part of a model; adapt it before the model is made")
        summary = np.empty((2, 0))
        batches: Iterable[Any] = [data] if hasattr(data, "__array__") else itertools.islice(data, steps)
        for batch in batches:
            numbers = np.sort(as_array(batch, "data"), axis=None)
            step = max(numbers.size * self.epsilon, 1.0)
            some = numbers[int(step - 1) :: int(step)]
            both = np.concatenate([summary, [some, np.full(some.size, step)]], axis=1)
            summary = _compressed(both[:, np.argsort(both[0], kind="stable")], self.epsilon)
        self.bin_boundaries = _compressed(summary, 1.0 / self.num_bins)[0, :-1].tolist()

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the output's shape for an input's, before `adapt`, too."""
        if self.bin_boundaries is not None or self.num_bins is None:
            return super().compute_output_shape(input_shape)
        adapted = Discretization(list(range(self.num_bins - 1)), output_mode=self.output_mode)
        return adapted.compute_output_shape(input_shape)

    def call(self, inputs: Any) -> Any:
        """Returns the numbers of the bins, or vectors."""
        from cnnfast import ops

        if self.bin_boundaries is None:
            raise ValueError(
                f"layer {self.name!r} knows no boundaries yet; call adapt(data), or give bin_boundaries"
            )
        reached = (ops.greater_equal(inputs, boundary) for boundary in self.bin_boundaries)
        numbers = sum(reached, ops.zeros_like(inputs))
        if self.output_mode == "int":
            return numbers
        return _encoded(self.name, numbers, self.output_mode, len(self.bin_boundaries) + 1)

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer."""
        own = ("bin_boundaries", "num_bins", "epsilon", "output_mode")
        return {**super().get_config(), **{name: getattr(self, name) for name in own}}

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """Makes the layer that `config` describes; of an adapted one it has the boundaries, too."""
        adapted = config["num_bins"] is not None
        layer = cls(**{**config, "bin_boundaries": None} if adapted else config)
        layer.bin_boundaries = config["bin_boundaries"]
        return layer


def _rising(boundaries: Sequence[float]) -> list[float]:
    made = [real_number(each, "bin_boundaries", -np.inf) for each in boundaries]
    if made != sorted(made):
        raise ValueError(f"bin_boundaries must be in rising order, got {boundaries!r}")
    return made


def _compressed(summary: NDArray[Any], epsilon: float) -> NDArray[Any]:
    """A summary of at most about 1 / epsilon entries: numbers in rising order, and how many each stands for.

    The new ones stand where equal shares of all numbers end, between neighbours by a straight line.
    """
    if summary.shape[1] * epsilon < 1:
        return summary
    shares = np.arange(0.0, 1.0, epsilon) + epsilon
    totals = np.cumsum(summary[1])
    numbers, ends = (np.interp(shares, totals / totals[-1], each) for each in (summary[0], totals))
    return np.stack([numbers, np.diff(ends, prepend=0.0)])
