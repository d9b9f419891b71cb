"""Keras's files of weights, which are HDF5: those of Keras 3 and the older form, also inside whole models."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from cnnfast.io.arrays import StoredArray, natural_order
from cnnfast.io.hdf5_store import MISSING, Store
from cnnfast.models.errors import ModelFileError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_LAYERS = ("layers", "_layers", "_layer_checkpoint_dependencies")  # of models, in Keras 3's paths
_OPTIMIZERS = ("optimizer", "optimizer_weights")


def written(arrays: dict[str, NDArray[Any]]) -> bytes:
    """Returns an HDF5 file.

    Args:
        arrays: What it holds, by paths.

    Raises:
        ImportError: If h5py is not installed.
    """
    try:
        import h5py
    except ImportError:
        raise ImportError(MISSING) from None
    file = io.BytesIO()
    with h5py.File(file, "w") as store:
        for path, array in arrays.items():
            store[path] = array
    return file.getvalue()


def named(store: Store) -> list[StoredArray]:
    """Returns the arrays of a file by the names "layer/weight" or "layer/0"."""
    root = "model_weights" if "model_weights" in store.attributes else ""
    names = store.attributes[root].get("layer_names")
    found = _of_paths(store) if names is None else _of_layers(store, root, names)
    return [each._replace(name=name) for name, each in found.items()]


def whole(store: Store, path: str) -> NDArray[np.generic]:
    """Reads the array of a path.

    Raises:
        ModelFileError: If there is none.
    """
    if path not in store.arrays:
        raise ModelFileError(f"it has no array {path}, which the model needs")
    return store.arrays[path].read()


def _of_layers(store: Store, root: str, names: list[Any]) -> dict[str, StoredArray]:
    """Before Keras 3: lists of the layers' names, and of the weights of each, in order."""
    found: dict[str, StoredArray] = {}
    for layer in names:
        group = f"{root}/{layer}".lstrip("/")
        for path in store.attributes[group]["weight_names"]:
            # A model in the model is one of its layers: "sequential/dense/kernel:0" is the layer "dense"'s.
            owner, weight = [layer, *str(path).partition(":")[0].split("/")][-2:]
            name = f"{owner}/{weight}"
            found[f"{layer}/{name}" if name in found else name] = store.arrays[f"{group}/{path}"]
    return found


def _of_paths(store: Store) -> dict[str, StoredArray]:
    """Keras 3: "layers/conv2d_1/vars/0" is the first weight of the second such layer."""
    found = {}
    for path, each in sorted(store.arrays.items(), key=lambda item: natural_order(item[0])):
        if path.partition("/")[0] not in _OPTIMIZERS:
            found[name_of(path)] = each
    return found


def name_of(path: str) -> str:
    """Returns what a path of Keras 3's says of layers.

    Example:
        >>> name_of("layers/functional/layers/conv2d_1/vars/0")
        'functional/conv2d_1/0'
    """
    return "/".join(part for part in path.split("/") if part not in _LAYERS and part != "vars")
