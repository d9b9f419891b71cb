"""Models: layers put together, to be trained, run, saved and loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnnfast.models.errors import ModelFileError
from cnnfast.models.functional import Model
from cnnfast.models.sequential import Sequential
from cnnfast.utils.arguments import not_offered
from cnnfast.utils.custom_objects import custom_object_scope
from cnnfast.utils.missing import missing

if TYPE_CHECKING:
    from collections.abc import Mapping
    from os import PathLike

    from cnnfast.models.cloning import clone_model, model_from_json


def load_model(
    filepath: str | PathLike[str],
    custom_objects: Mapping[str, Any] | None = None,
    compile: bool = True,  # Keras's name
    safe_mode: bool = True,
) -> Model | Sequential:
    """Reads a model from a file that `model.save` wrote; a compiled one trains on exactly where it stopped.

    Reading a file runs no code from it. Keras's `.keras` and `.h5` are read, too, with h5py (extra `h5`).

    Args:
        filepath: The file; ".cnnfast" is added where there is none of this name, as `save` adds it.
        custom_objects: Classes and functions of your own that the file names, by these names. What is missing
            of what `compile` was given leaves the model uncompiled, with a warning.
        compile: Whether the model is compiled as it was.
        safe_mode: Must be True: no code is ever read.

    Returns:
        The model, of the class it had.

    Raises:
        FileNotFoundError: If there is no such file.
        ModelFileError: If it is damaged, foreign, or from a newer version; a kind of ValueError.
        MemoryError: If there is not enough memory for it.

    Example:
        >>> import pathlib, tempfile
        >>> from cnnfast.layers import Dense
        >>> model = Sequential([Dense(2, input_shape=(3,))])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     model.save(pathlib.Path(folder, "net"))
        ...     again = load_model(pathlib.Path(folder, "net"))
        >>> bool((again.get_weights()[0] == model.get_weights()[0]).all())
        True
    """
    not_offered("load_model", safe_mode=(safe_mode, True))
    from cnnfast.models import saving  # zipfile and pathlib cost 30 ms, too much for `import cnnfast`

    with custom_object_scope(custom_objects):
        return saving.load_model(filepath, compile)


def save_model(
    model: Model | Sequential,
    filepath: str | PathLike[str],
    overwrite: bool = True,
    zipped: bool | None = None,
) -> None:
    """Keras's name for `model.save(filepath, overwrite)`, which says more.

    Args:
        model: The model.
        filepath: Where to; ".cnnfast" is added to a name without a suffix.
        overwrite: Whether an existing file may be replaced.
        zipped: Keras's argument; a model is always one file.

    Raises:
        FileExistsError, PermissionError, ValueError: As `save`.

    Example:
        >>> import pathlib, tempfile
        >>> from cnnfast.layers import Dense
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     save_model(Sequential([Dense(2, input_shape=(3,))]), pathlib.Path(folder, "net.cnnfast"))
    """
    model.save(filepath, overwrite, zipped)


__all__ = [
    "Model",
    "ModelFileError",
    "Sequential",
    "clone_model",
    "load_model",
    "model_from_json",
    "save_model",
]

if not TYPE_CHECKING:  # a checker knows what there is

    def __getattr__(name):
        if name in ("clone_model", "model_from_json"):  # which a plain training does not need
            from cnnfast.models import cloning

            return getattr(cloning, name)
        raise missing(__name__, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
