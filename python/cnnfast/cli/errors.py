"""Mistakes of the person at the keyboard. They are told in one line, without a traceback."""

from pathlib import Path
from typing import Any


class UserError(Exception):
    """What was asked cannot be done; the message says why and what to change."""


def load_model(path: str) -> Any:
    """A saved model.

    Raises:
        UserError: there is no such file, or it holds no model.
    """
    from cnnfast import models

    if not Path(path).is_file():
        raise UserError(f"there is no model {path}; cnnfast train makes one")
    try:
        return models.load_model(path)
    except (ValueError, OSError) as error:
        raise UserError(str(error)) from error
