"""What inputs a layer takes, as layers of one's own tell it in `self.input_spec`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cnnfast.utils.arguments import not_offered, open_shape, whole_number
from cnnfast.utils.nest import leaves

if TYPE_CHECKING:
    from cnnfast.utils.serialization import Config

Shape = tuple[int | None, ...]


class InputSpec:
    """What one input of a layer must be like; its shapes have the batch axis, None.

    Args:
        dtype: "float32" or None.
        shape: Its shape; None for axes of any size.
        ndim: How many axes it has.
        max_ndim: How many at most.
        min_ndim: How many at least.
        axes: Sizes of some axes, by their numbers.
        allow_last_axis_squeeze: Whether a last axis of size 1 may be there or not.
        name: Its name, in a dict of inputs.
        optional: Keras's argument; nothing depends on it.

    Raises:
        ValueError: If there can be no such axis.

    Source:
        Keras 3, `keras.layers.InputSpec`.

    Example:
        >>> InputSpec(ndim=4, axes={-1: 3})
        InputSpec(ndim=4, axes={-1: 3})
    """

    def __init__(
        self,
        dtype: str | None = None,
        shape: Sequence[int | None] | None = None,
        ndim: int | None = None,
        max_ndim: int | None = None,
        min_ndim: int | None = None,
        axes: Mapping[int, int | None] | None = None,
        allow_last_axis_squeeze: bool = False,
        name: str | None = None,
        optional: bool = False,
    ) -> None:
        not_offered("InputSpec", dtype=(dtype, None))
        self.shape = None if shape is None else open_shape(shape)
        self.ndim = ndim if self.shape is None else len(self.shape)
        self.max_ndim, self.min_ndim = max_ndim, min_ndim
        self.axes = {whole_number(axis, "axes", -8): size for axis, size in (axes or {}).items()}
        most = self.ndim or max_ndim
        if most is not None and any(axis >= most for axis in self.axes):
            raise ValueError(f"axes must be below {most}, of which there are no more; got {self.axes}")
        self.allow_last_axis_squeeze = bool(allow_last_axis_squeeze)
        self.name, self.optional = name, optional

    def refusal(self, shape: Shape) -> str | None:
        """Returns what is wrong with a shape; None if it suits."""
        rank = len(shape)
        if self.ndim not in (None, rank) and not self.allow_last_axis_squeeze:
            return f"must have {self.ndim} axes"
        if rank > (rank if self.max_ndim is None else self.max_ndim):
            return f"must have at most {self.max_ndim} axes"
        if rank < (self.min_ndim or 0):
            return f"must have at least {self.min_ndim} axes"
        for axis, size in self.axes.items():
            if not -rank <= axis < rank or _differ(size, shape[axis]):
                return f"must have size {size} along axis {axis}"
        if self.shape is None:
            return None
        wanted, got = self.shape, shape
        if self.allow_last_axis_squeeze:
            wanted, got = _squeezed(wanted), _squeezed(got)
        if len(wanted) != len(got) or any(map(_differ, wanted, got)):
            return f"must have shape {self.shape}"
        return None

    def get_config(self) -> Config:
        """Returns the arguments that make an equal one."""
        own = ("shape", "ndim", "max_ndim", "min_ndim", "axes", "optional")
        return {"dtype": None, **{name: getattr(self, name) for name in own}}

    @classmethod
    def from_config(cls, config: Config) -> InputSpec:
        """Makes the one that `config` describes."""
        return cls(**config)

    def __repr__(self) -> str:
        told = {name: getattr(self, name) for name in ("shape", "ndim", "max_ndim", "min_ndim", "axes")}
        return f"InputSpec({', '.join(f'{name}={value}' for name, value in told.items() if value)})"


def _differ(wanted: int | None, got: int | None) -> bool:
    return None not in (wanted, got) and wanted != got


def _squeezed(shape: Shape) -> Shape:
    return shape[:-1] if shape[-1:] == (1,) else shape


def check_inputs(name: str, specs: Any, inputs: Any) -> None:
    """Refuses inputs of a layer that are not as it told.

    Args:
        name: The layer's.
        specs: One `InputSpec`, or a list or dict of them; None for inputs of any kind.
        inputs: What stands for arrays, likewise.

    Raises:
        ValueError: If a shape, or their number, differs.

    Example:
        >>> check_inputs("mine", None, None)
    """
    wanted = leaves(specs)
    if isinstance(inputs, dict) and all(spec is not None and spec.name in inputs for spec in wanted):
        inputs = [inputs[spec.name] for spec in wanted]
    given = leaves(inputs)
    if wanted != [None] and len(given) != len(wanted):
        raise ValueError(f"layer {name!r} takes {len(wanted)} inputs, got {len(given)}")
    for number, (spec, value) in enumerate(zip(wanted, given, strict=False)):
        wrong = None if spec is None else spec.refusal(value.shape)
        if wrong is not None:
            which = f"input {number}" if spec.name is None else f"input {spec.name!r}"
            raise ValueError(f"layer {name!r}: {which} {wrong}, got shape {value.shape}")
