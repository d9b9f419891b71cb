"""The network of a person's own Python file."""

import runpy
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cnnfast.cli.errors import UserError


def load(path: str) -> Any:
    """The model that a file makes. The file runs, with all that it may do: it is the user's own.

    It finds modules beside it, as where Python runs it.

    Raises:
        UserError: it makes none, or fails; the message names the line.
    """
    import cnnfast

    if not Path(path).is_file():
        raise UserError(f"there is no file {path}")
    try:
        sys.path.insert(0, str(Path(path).resolve().parent))
        names = runpy.run_path(path)
        model = names["build_model"]() if "build_model" in names else names.get("model")
    except SyntaxError as error:
        raise UserError(f"{error.filename}:{error.lineno}: SyntaxError: {error.msg}") from error
    # Whatever else it raises, it is the file's own fault, and its author wants to know what and where.
    except (Exception, SystemExit) as error:
        raise UserError(_told(error, path)) from error
    if not isinstance(model, (cnnfast.Sequential, cnnfast.Model)):
        raise UserError(f"{path} defines neither build_model() that returns a cnnfast model nor model")
    return model


@contextmanager
def runs(path: str) -> Iterator[None]:
    """Within it code of the file may run, as that of its own layers and losses.

    Raises:
        UserError: that code failed; the message names the line.
    """
    try:
        yield
    except Exception as error:
        if not _line_of(error, path):
            raise
        raise UserError(_told(error, path)) from error


def _told(error: BaseException, path: str) -> str:
    """What went wrong, and where, once: what is told already says what it is."""
    place = f"{path}{_line_of(error, path)}: "
    kind = "" if isinstance(error, UserError) else f"{type(error).__name__}: "
    return f"{place}{kind}{str(error).removeprefix(place)}"


def _line_of(error: BaseException, path: str) -> str:
    """`:12` if the error, or what it was told of, came by line 12 of the file."""
    cause = error.__cause__ if isinstance(error, UserError) else error
    line, traceback = "", None if cause is None else cause.__traceback__
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == path:
            line = f":{traceback.tb_lineno}"
        traceback = traceback.tb_next
    return line
