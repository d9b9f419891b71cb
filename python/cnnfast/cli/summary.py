"""`cnnfast summary`: what a model is made of, or what a file of weights holds."""

import argparse
import math
from pathlib import Path
from typing import Any

from cnnfast.cli import networks
from cnnfast.cli.errors import UserError
from cnnfast.utils.table import table_lines


def add_command(commands: Any) -> None:
    """Adds the command to the parser."""
    parser = commands.add_parser("summary", help="print a model's layers, or a file's weights")
    parser.add_argument("model", metavar="MODEL", help=f"{networks.HELP}; or of any other's")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Prints the table."""
    path = Path(options.model)
    if path.is_file() and networks.holds_weights(path):
        print("\n".join(_arrays(path)))
    else:
        networks.find(options.model, weights=None).model.summary()
    return 0


def _arrays(path: Path) -> list[str]:
    from cnnfast.io.formats import stored_arrays

    try:
        with stored_arrays(path) as arrays:
            found = [(each.name, tuple(each.shape)) for each in arrays]
    except ValueError as error:
        raise UserError(str(error)) from error
    rows = [(name, str(shape), f"{math.prod(shape):,}") for name, shape in found]
    total = sum(math.prod(shape) for _, shape in found)
    return [
        *table_lines(("Array", "Shape", "Numbers"), rows, left=2),
        f"{len(rows)} arrays, {total:,} numbers",
    ]
