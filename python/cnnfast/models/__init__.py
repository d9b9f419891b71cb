"""Models: layers put together, to be trained, run, saved and loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnnfast.models.errors import ModelFileError
from cnnfast.models.functional import Model
from cnnfast.models.sequential import Sequential

if TYPE_CHECKING:
    from os import PathLike


def load_model(filepath: str | PathLike[str]) -> Model | Sequential:
    """Reads a model from a file that `model.save` wrote; a compiled one trains on exactly where it stopped.

    Reading a file runs no code from it.

    Args:
        filepath: The file.

    Returns:
        The model, of the class it had.

    Raises:
        FileNotFoundError: If there is no such file.
        ModelFileError: If it is damaged, foreign, or from a newer version; a kind of ValueError.

    Example:
        >>> import pathlib, tempfile
        >>> from cnnfast.layers import Dense
        >>> model = Sequential([Dense(2, input_shape=(3,))])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     model.save(pathlib.Path(folder, "net"))
        ...     again = load_model(pathlib.Path(folder, "net.cnnfast"))
        >>> bool((again.get_weights()[0] == model.get_weights()[0]).all())
        True
    """
    from cnnfast.models import saving  # zipfile and pathlib cost 30 ms, too much for `import cnnfast`

    return saving.load_model(filepath)


__all__ = ["Model", "ModelFileError", "Sequential", "load_model"]
