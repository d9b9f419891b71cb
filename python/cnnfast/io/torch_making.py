"""What the conversion of a PyTorch module computes with: layers by names, and values that are no tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnnfast import layers, ops
from cnnfast.layers.symbolic import SymbolicTensor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cnnfast.layers.layer import Layer


class NotConvertedError(ValueError):
    """What has no counterpart here, as the end of a sentence that begins with its name."""


class Batch:
    """Stands for the number of samples, which a model does not know: it may be handed on, no more."""

    def __repr__(self) -> str:
        return "the batch size"


BATCH = Batch()


class Parameter:
    """A weight that a module has beside its layers, or that it gives to a function.

    Args:
        path: Its name in the module.
        value: Its numbers.
    """

    def __init__(self, path: str, value: Any) -> None:
        self.path, self.value = path, value


class Making:
    """The layers made so far: a module that is called twice is one layer.

    Attributes:
        layers: By name.
        anchor: The first input, on which layers are called that take none.
        constants: Weights that are no parameters and stay as they are, by the names of their layers.
    """

    def __init__(self) -> None:
        self.layers: dict[str, Layer] = {}
        self.anchor: Any = None
        self.constants: dict[str, Any] = {}
        self._made: dict[str, Any] = {}

    def layer(self, name: str, kind: Any, *args: Any, **options: Any) -> Layer:
        """Returns the layer of this name, made of class and arguments where there is none.

        Raises:
            NotConvertedError: If the layer of this name has weights and is another one.
        """
        asked, found, uses = (kind, args, options), name, 0
        while found in self.layers and self._made[found] != asked:
            if self.layers[found].weights:
                raise NotConvertedError(
                    f"of the weights of {name}, which are used in another way as well; use them in one way"
                )
            uses += 1
            found = f"{name}#{uses}"
        if found not in self.layers:
            self.layers[found] = kind(*args, name=found, **options)
            self._made[found] = asked
        return self.layers[found]

    def value_of(self, parameter: Parameter) -> SymbolicTensor:
        """Returns a parameter as a tensor without a batch axis."""
        made: SymbolicTensor = self.layer(
            parameter.path, layers.Parameter, tuple(map(int, parameter.value.shape))
        )(self.anchor)
        return made

    def for_each_sample(self, x: Any) -> SymbolicTensor:
        """Returns an array of one row, or what stands for it, as one with that row for each sample."""
        zero = self.anchor[(slice(None), *(0,) * (self.anchor.ndim - 1), *(None,) * (x.ndim - 1))]
        made: SymbolicTensor = ops.add(ops.zeros_like(zero), x)
        return made


class Turned:
    """A tensor whose batch axis is not the first, as (3, batch, heads, places, size) of attention.

    Args:
        x: The tensor with the batch first.
        place: Where PyTorch has the batch's axis.
    """

    def __init__(self, x: SymbolicTensor, place: int) -> None:
        self.x, self.place = x, place

    @property
    def shape(self) -> tuple[Any, ...]:
        """As PyTorch has it."""
        sizes: list[Any] = list(self.x.shape[1:])
        sizes.insert(self.place, BATCH)
        return tuple(sizes)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self.x.ndim

    def ours(self, axis: int) -> int:
        """The axis of `x` that is PyTorch's axis."""
        axis %= self.ndim
        return 0 if axis == self.place else axis + 1 if axis < self.place else axis


def turned(x: Any, order: Sequence[int]) -> Any:
    """Returns a tensor with its axes in another order, the batch's wherever it is to be.

    Example:
        >>> turned(layers.Input((4, 3, 2)), (2, 0, 3, 1)).shape
        (3, the batch size, 2, 4)
    """
    if isinstance(x, SymbolicTensor) and not x.batched:
        return ops.transpose(x, [axis % x.ndim for axis in order])
    before = x if isinstance(x, Turned) else Turned(x, 0)
    axes = [before.ours(axis) for axis in order]
    place = axes.index(0)
    others = [axis for axis in axes if axis]
    made = before.x if others == sorted(others) else ops.transpose(before.x, [0, *others])
    return Turned(made, place) if place else made


def picked(x: Turned, key: Any) -> Any:
    """Returns x[key].

    Raises:
        NotConvertedError: If samples are picked.

    Example:
        >>> picked(Turned(layers.Input((3, 2)), 1), 0).shape
        (None, 2)
    """
    given = list(key) if isinstance(key, tuple) else [key]
    known = sum(each is not None and each is not ... for each in given)
    at = given.index(...) if ... in given else len(given)
    given[at : at + 1] = [slice(None)] * (x.ndim - known)
    axis, place = 0, 0
    wanted: list[Any] = []
    for each in given:
        if each is not None and axis == x.place:
            if each != slice(None):
                raise NotConvertedError("of single samples")
            place = sum(not isinstance(one, int) for one in wanted)
        else:
            wanted.append(each)
        axis += each is not None
    made = x.x[(slice(None), *wanted)]
    return Turned(made, place) if place else made
