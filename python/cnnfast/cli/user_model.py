"""The network of a person's own Python file."""

import runpy
from pathlib import Path
from typing import Any

from cnnfast.cli.errors import UserError


def load(path: str) -> Any:
    """The model that a file makes. The file runs, with all that it may do: it is the user's own.

    Raises:
        UserError: it makes none, or fails; the message names the line.
    """
    import cnnfast

    if not Path(path).is_file():
        raise UserError(f"there is no file {path}")
    try:
        names = runpy.run_path(path)
        model = names["build_model"]() if "build_model" in names else names.get("model")
    except SyntaxError as error:
        raise UserError(f"{error.filename}:{error.lineno}: SyntaxError: {error.msg}") from error
    # Whatever else it raises, it is the file's own fault, and its author wants to know what and where.
    except (Exception, SystemExit) as error:
        raise UserError(f"{path}{_line_of(error, path)}: {type(error).__name__}: {error}") from error
    if not isinstance(model, (cnnfast.Sequential, cnnfast.Model)):
        raise UserError(f"{path} defines neither build_model() that returns a cnnfast model nor model")
    return model


def _line_of(error: BaseException, path: str) -> str:
    """`:12` if the error came by line 12 of the file."""
    line, traceback = "", error.__traceback__
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == path:
            line = f":{traceback.tb_lineno}"
        traceback = traceback.tb_next
    return line
