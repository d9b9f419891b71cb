"""Mistakes of the person at the keyboard. They are told in one line, without a traceback."""

from typing import Any


class UserError(Exception):
    """What was asked cannot be done; the message says why and what to change."""


def load_model(path: str) -> Any:
    """A saved model.

    Raises:
        UserError: there is no such file, or it holds no model.
    """
    from cnnfast import models

    try:
        return models.load_model(path)
    except FileNotFoundError as error:
        raise UserError(f"there is no model {path}; cnnfast train makes one") from error
    except (ValueError, OSError, MemoryError) as error:
        raise UserError(str(error)) from error
