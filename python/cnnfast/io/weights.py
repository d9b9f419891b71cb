"""Weights that other libraries saved, into a model of ours."""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cnnfast import _core
from cnnfast.io.formats import stored_arrays
from cnnfast.io.matching import match
from cnnfast.models.base import BaseModel
from cnnfast.models.errors import ModelFileError
from cnnfast.models.files import source_path
from cnnfast.utils.arguments import one_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from cnnfast.io.arrays import StoredArray
    from cnnfast.io.matching import Found, LoadReport
    from cnnfast.layers.variable import Variable


def load_weights(
    model: BaseModel,
    filepath: str | PathLike[str],
    strict: bool = True,
    *,
    by: str | None = None,
    rename: Callable[[str], str] | None = None,
    spare: Sequence[str] = (),
) -> LoadReport:
    """Sets a model's weights from a file that PyTorch, Keras, NumPy or safetensors wrote.

    Arrays are found by the names of layers: those of the model, or those that Keras 3 gives by kind and
    number; where the file has other names, by the order of layers. Safetensors files keep no order: there
    shapes tell, and of equal ones the numbers in names; what these leave open is refused. PyTorch's arrays
    are turned to our layouts, those of dense layers behind a flatten of pictures, too.

    No code of the file runs, shapes are checked before memory is taken, and all is checked before anything is
    set.

    Args:
        model: The model; it must know its input's shape.
        filepath: PyTorch's `.pth` (a dict of tensors by name, of either format), `.safetensors`, Keras's
            `.weights.h5`, `.h5` or `.keras`, or `.npz`; told by its content.
        strict: Whether each weight must have an array and each array a weight; else what fits is set.
        by: "name" or "order"; None goes by names where the file has those of half of the layers or more.
        rename: What an array of the file is to be called instead.
        spare: Beginnings of names of arrays that need not be used.

    Returns:
        A report of what matched and what did not; print it.

    Raises:
        FileNotFoundError: If there is no such file.
        ModelFileError: If it is damaged or holds something else than weights, or, where `strict`, does not
            match; the model is then unchanged. A kind of ValueError.
        TypeError: If it is no model.
        ValueError: If the model does not know its input's shape, or `by` is neither.
        ImportError: If h5py is needed and not installed.
        MemoryError: If there is not enough memory.

    Example:
        >>> import pathlib, tempfile
        >>> from cnnfast import Sequential, layers
        >>> model = Sequential([layers.Dense(2, input_shape=(3,), name="fc")])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = pathlib.Path(folder, "net.npz")
        ...     np.savez(file, **{"fc.weight": np.ones((2, 3)), "fc.bias": np.zeros(2)})
        ...     print(load_weights(model, file))
        2 of 2 weights set, by name
    """
    if not isinstance(model, BaseModel):
        raise TypeError(
            f"model must be a Model or Sequential, got {type(model).__name__}; layers take set_weights"
        )
    if by is not None:
        one_of(by, "by", ("name", "order"))
    model.blueprint  # noqa: B018  # says what is missing
    path = source_path(filepath)
    with stored_arrays(path) as arrays:
        if rename is not None:
            arrays = [each._replace(name=rename(each.name)) for each in arrays]
        read = values_for(model, arrays, by, strict, spare)
    report = read.assign()  # the file, which may lie in memory, is closed
    del read
    _core.trim_heap()  # which keeps arrays of some MB: 40 of ResNet50's 98
    return report


class ReadWeights(NamedTuple):
    """Values that were read and checked, and are not set yet.

    Attributes:
        weights: The weights.
        values: The values of each.
        report: What became of all.
    """

    weights: list[Variable]
    values: list[NDArray[np.float32]]
    report: LoadReport

    def assign(self) -> LoadReport:
        """Sets them, all or none."""
        _core.set_weights(self.weights, self.values)
        return self.report


def values_for(
    model: BaseModel,
    arrays: Sequence[StoredArray],
    by: str | None = None,
    strict: bool = True,
    spare: Sequence[str] = (),
) -> ReadWeights:
    """Reads the values of a model's weights from named arrays; see `load_weights` for the rest.

    Args:
        model: The model.
        arrays: The arrays, which can be read.
        by: See there.
        strict: See there.
        spare: See there.
    """
    found, report = match(model, arrays, by)
    report = report._replace(
        unused=tuple(name for name in report.unused if not name.startswith(tuple(spare)))
    )
    if strict and not report.complete:
        raise ModelFileError(
            f"its arrays are not those of model {model.name!r} ({report}); make the model that it was saved "
            "from, or take strict=False to set what fits"
        )
    return ReadWeights([each.variable for each in found], [value_of(each) for each in found], report)


def value_of(found: Found) -> NDArray[np.float32]:
    """Reads the array that was found for a weight; returns the weight's values.

    Raises:
        ModelFileError: If it does not hold what it claimed to.
    """
    array = found.array.read()
    if array.shape != found.layout.shape or array.dtype.kind not in "fiub":
        raise ModelFileError(f"{found.array.name} holds {array.dtype} of shape {array.shape}")
    return found.layout.weight(array)
