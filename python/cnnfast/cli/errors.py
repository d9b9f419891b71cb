"""Mistakes of the person at the keyboard. They are told in one line, without a traceback."""

import argparse
from collections.abc import Callable
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


def whole_number(minimum: int) -> Callable[[str], int]:
    """What reads a word as a whole number, or tells argparse what is wrong with it.

    Example:
        >>> whole_number(minimum=1)("12")
        12
    """

    def parse(text: str) -> int:
        if not text.isdecimal() or int(text) < minimum:
            raise argparse.ArgumentTypeError(f"must be a whole number, {minimum} or more, not {text!r}")
        return int(text)

    return parse
