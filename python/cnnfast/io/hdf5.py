"""Keras's files of weights, which are HDF5: those of Keras 3 and the older form, also inside whole models."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from cnnfast.io.arrays import StoredArray, natural_order
from cnnfast.models.errors import ModelFileError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LAYERS = ("layers", "_layers", "_layer_checkpoint_dependencies")  # of models, in Keras 3's paths
_OPTIMIZERS = ("optimizer", "optimizer_weights")


@contextmanager
def opened(file: IO[bytes], mode: str = "r") -> Iterator[Any]:
    """Yields what is in an HDF5 file.

    The library can loop without end on a damaged file, and holds Python's lock meanwhile.

    Args:
        file: The file.
        mode: "r" to read, "w" to write it.

    Raises:
        ImportError: If h5py is not installed.
    """
    try:
        import h5py
    except ImportError:
        raise ImportError("files of Keras's weights need h5py: pip install 'cnnfast[h5]'") from None
    with h5py.File(file, mode) as store:
        yield store


@contextmanager
def arrays(file: IO[bytes]) -> Iterator[list[StoredArray]]:
    """Yields the arrays of an HDF5 file, by the names "layer/weight" or "layer/0".

    Args:
        file: The file.

    Raises:
        ImportError: If h5py is not installed.
        ModelFileError: If the file refers to other files.
    """
    with opened(file) as store:
        yield named(store)


def named(store: Any) -> list[StoredArray]:
    """Returns the arrays of an open file by these names.

    Raises:
        ModelFileError: If the file refers to other files.
    """
    root = store.get("model_weights", store)
    found = _of_layers(root) if "layer_names" in root.attrs else _of_paths(root)
    return [StoredArray(n, each.shape, partial(_read, each)) for n, each in found.items()]


def whole(store: Any, path: str) -> NDArray[Any]:
    """Reads the array of a path.

    Raises:
        ModelFileError: If there is none, or it lies in other files.
    """
    import h5py

    link, found = store.get(path, getlink=True), store.get(path)
    if not isinstance(link, h5py.HardLink) or not isinstance(found, h5py.Dataset):
        raise ModelFileError(f"it has no array {path}, which the model needs")
    if found.is_virtual or found.external or found.dtype.kind not in "fiu":
        raise ModelFileError(f"its array {path} lies in other files, or is of no numbers")
    return _read(found)


def _read(dataset: Any) -> NDArray[np.generic]:
    found: NDArray[np.generic] = dataset[()]
    return found


def _datasets(root: Any) -> dict[str, Any]:
    """The arrays below a group, by their paths. Links that lead out of it are not followed."""
    import h5py

    found: dict[str, Any] = {}

    def visit(path: str, each: Any) -> None:
        if not isinstance(each, h5py.Dataset):
            return
        if each.is_virtual or each.external:
            raise ModelFileError(f"its array {path} lies in other files, which are not read")
        if each.dtype.kind in "fiu":
            found[path] = each

    root.visititems(visit)
    return found


def _of_layers(root: Any) -> dict[str, Any]:
    """Before Keras 3: lists of the layers' names, and of the weights of each, in order."""
    datasets = _datasets(root)
    found: dict[str, Any] = {}
    for layer in map(_text, root.attrs["layer_names"]):
        for path in map(_text, root[layer].attrs["weight_names"]):
            # A model in the model is one of its layers: "sequential/dense/kernel:0" is the layer "dense"'s.
            *_, owner, weight = [layer, *path.partition(":")[0].split("/")]
            name = f"{owner}/{weight}"
            found[f"{layer}/{name}" if name in found else name] = datasets[f"{layer}/{path}"]
    return found


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _of_paths(root: Any) -> dict[str, Any]:
    """Keras 3: "layers/conv2d_1/vars/0" is the first weight of the second such layer."""
    found = {}
    for path, each in sorted(_datasets(root).items(), key=lambda item: natural_order(item[0])):
        parts = [part for part in path.split("/") if part not in _LAYERS and part != "vars"]
        if parts[0] not in _OPTIMIZERS:
            found["/".join(parts)] = each
    return found
