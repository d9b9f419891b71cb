"""Answers to names that are not there: what was probably meant, or that Keras has it and what is near."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any


def advice(family: str, name: Any, known: Iterable[str] = ()) -> str:
    """Returns how a message about an unknown name goes on; "" where nothing is near.

    Args:
        family: The module of Keras in which the name would be, such as "optimizers".
        name: What was asked for.
        known: The names that there are.

    Example:
        >>> advice("callbacks", "RemoteMonitor").split(":")[0]
        '; Keras has it, cnnfast does not yet'
        >>> advice("layers", "Conv2d", ["Conv2D", "Dense"])
        "; did you mean 'Conv2D'?"
    """
    from difflib import get_close_matches

    from cnnfast.utils.keras_names import NAMES, NEAR

    if not isinstance(name, str):
        return ""
    ours = {_plain(each): each for each in known}
    theirs = {_plain(each): each for each in NAMES.get(family, "").split()}
    wanted = theirs.get(_plain(name))
    if _plain(name) in ours or wanted is None:
        close = get_close_matches(_plain(name), ours, 1, 0.7)
        return f"; did you mean {ours[close[0]]!r}?" if close else ""
    near = NEAR.get(wanted)  # by what it does: names that are spelt alike would mislead
    return f"; Keras has it, cnnfast does not yet{': use ' + near if near else ''}"


def missing(module: str, name: str) -> AttributeError | ImportError:
    """Returns the error for a name that a module of the package does not have.

    Example:
        >>> raise missing("cnnfast.layers", "Conv2d")
        Traceback (most recent call last):
            ...
        AttributeError: module 'cnnfast.layers' has no attribute 'Conv2d'; did you mean 'Conv2D'?
    """
    from dis import opname

    if name.startswith("_"):
        return AttributeError(f"module {module!r} has no attribute {name!r}")
    family = module.partition(".")[2]
    message = (
        f"module {module!r} has no attribute {name!r}{advice(family, name, sys.modules[module].__all__)}"
    )
    # `from module import name` makes of an AttributeError that there is no such name, and says no more. An
    # ImportError instead reaches the user as it is.
    asking = sys._getframe(2)
    imports = opname[asking.f_code.co_code[asking.f_lasti]] == "IMPORT_FROM"
    return ImportError(message, name=module) if imports else AttributeError(message)


def _plain(name: str) -> str:
    return name.replace("_", "").lower()
