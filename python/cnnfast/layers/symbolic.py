"""The value that stands for an array while a graph is described."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cnnfast.layers.layer import Layer


@dataclass(frozen=True, eq=False)
class SymbolicTensor:
    """What a layer returns for an `Input`: a shape and the way it came about.

    Attributes:
        shape: Shape with the batch axis first, as None.
        layer: The layer that makes it.
        sources: What that layer was called on; empty for an input.

    Example:
        >>> from cnnfast.layers import Dense, Input
        >>> Dense(10)(Input((784,))).shape
        (None, 10)
    """

    shape: tuple[int | None, ...]
    layer: Layer
    sources: tuple[SymbolicTensor, ...]
    dtype: str = "float32"

    @property
    def ndim(self) -> int:
        """Number of axes, the batch included."""
        return len(self.shape)

    @property
    def sample_shape(self) -> tuple[int, ...]:
        """The shape without the batch axis."""
        return tuple(axis for axis in self.shape[1:] if axis is not None)

    def __repr__(self) -> str:
        return f"<SymbolicTensor shape={self.shape}, from layer {self.layer.name!r}>"
