"""The value that stands for an array while a graph is described."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn

from cnnfast.layers.operators import Unknown
from cnnfast.utils.nest import leaves

if TYPE_CHECKING:
    from cnnfast.layers.layer import Layer

Dims = tuple[int, ...]


class Call:
    """One use of a layer.

    Args:
        layer: The layer.
        args, kwargs: What it was called with, symbolic tensors at their places.
    """

    def __init__(
        self, layer: Layer, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> None:
        self._layer, self.args, self.kwargs = layer, args, kwargs

    @property
    def layer(self) -> Layer:
        """The layer."""
        return self._layer

    @cached_property
    def sources(self) -> tuple[SymbolicTensor, ...]:
        """The symbolic tensors that it was called on."""
        return tuple(each for each in leaves((self.args, self.kwargs)) if isinstance(each, SymbolicTensor))

    @cached_property
    def batch(self) -> int | None:
        """The size of batches, where an input of the graph tells one."""
        told = (source.shape[0] for source in self.sources if source.batched)
        return next((size for size in told if size is not None), getattr(self.layer, "batch_size", None))


class SymbolicTensor(Unknown):
    """What a layer returns for an `Input`: a shape and the way it came about.

    Args:
        shape: Shape with the batch axis first; None there, unless the `Input` tells a size, and where an axis
            is not known in advance.
        call: The use of a layer that makes it.
        place: Which of that call's outputs it is.
        examples: Shapes that one sample may have: one, or two that differ along the axes that are not known.
        batched: Whether it has a batch axis; else it is one for the whole batch, as a sum over samples is.

    Example:
        >>> from cnnfast.layers import Dense, Input
        >>> Dense(10)(Input((784,))).shape
        (None, 10)
    """

    dtype = "float32"

    def __init__(
        self,
        shape: tuple[int | None, ...],
        call: Call,
        place: int,
        examples: tuple[Dims, ...],
        batched: bool = True,
    ) -> None:
        self.shape, self.call, self.place, self.examples = shape, call, place, examples
        self.batched = batched

    @classmethod
    def like(
        cls, examples: tuple[Dims, ...], call: Call, place: int = 0, batched: bool = True
    ) -> SymbolicTensor:
        """Returns a symbolic tensor of a shape that is told by examples."""
        axes = [sizes[0] if len(set(sizes)) == 1 else None for sizes in zip(*examples, strict=True)]
        return cls((call.batch, *axes) if batched else tuple(axes), call, place, examples, batched)

    @property
    def layer(self) -> Layer:
        """The layer that makes it."""
        return self.call.layer

    @property
    def name(self) -> str:
        """The name of that layer."""
        return self.layer.name

    @property
    def sources(self) -> tuple[SymbolicTensor, ...]:
        """What that layer was called on; empty for an input."""
        return self.call.sources

    @property
    def ndim(self) -> int:
        """Number of axes, the batch included."""
        return len(self.shape)

    @property
    def sample_shape(self) -> Dims:
        """The shape without the batch axis.

        Raises:
            ValueError: If an axis is not known in advance.
        """
        if None in self.shape[self.batched :]:
            raise ValueError(f"{self!r} has no fixed shape; give its Input one")
        return self.examples[0]

    def __bool__(self) -> bool:
        raise TypeError(f"{self!r} has no numbers to decide by; ops.where chooses element by element")

    def _refuse(self, what: str, instead: str) -> NoReturn:
        raise TypeError(f"cannot {what}: {self!r} has no numbers; {instead}")

    def __repr__(self) -> str:
        return f"<SymbolicTensor shape={self.shape}, from layer {self.layer.name!r}>"


KerasTensor = SymbolicTensor  # Keras's name
