"""Models: layers put together, to be trained, run, saved and loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnnfast.models.errors import ModelFileError
from cnnfast.models.functional import Model
from cnnfast.models.sequential import Sequential
from cnnfast.utils.arguments import not_offered
from cnnfast.utils.missing import missing

if TYPE_CHECKING:
    from os import PathLike


def load_model(
    filepath: str | PathLike[str],
    custom_objects: None = None,
    compile: bool = True,  # Keras's name
    safe_mode: bool = True,
) -> Model | Sequential:
    """Reads a model from a file that `model.save` wrote; a compiled one trains on exactly where it stopped.

    Reading a file runs no code from it.

    Args:
        filepath: The file; ".cnnfast" is added where there is none of this name, as `save` adds it.
        custom_objects: Not offered: files name the package's own classes only.
        compile: Not offered; must be True.
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
    not_offered(
        "load_model",
        custom_objects=(custom_objects or None, None),
        compile=(compile, True),
        safe_mode=(safe_mode, True),
    )
    from cnnfast.models import saving  # zipfile and pathlib cost 30 ms, too much for `import cnnfast`

    return saving.load_model(filepath)


__all__ = ["Model", "ModelFileError", "Sequential", "load_model"]

if not TYPE_CHECKING:  # a checker knows what there is

    def __getattr__(name):
        raise missing(__name__, name)
