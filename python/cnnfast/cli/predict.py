"""`cnnfast predict`: which class is in a picture."""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cnnfast.cli import classifier, networks
from cnnfast.cli.errors import UserError, whole_number
from cnnfast.cli.images import ImageInput, Prepared, prepare
from cnnfast.cli.ink import BlankError
from cnnfast.cli.recorded import Recorded
from cnnfast.datasets.image_folder import pictures_in
from cnnfast.utils.image_file import ImageFileError

_SOME_BAD = 1  # exit code
_TOP = 5
_AT_A_TIME = 64  # pictures in memory
_BAR = 24


@dataclass(frozen=True)
class Answer:
    """What is said of one picture: its most probable classes, the first first, or why there are none."""

    file: str
    classes: Sequence[tuple[str, float]] = ()
    changes: Sequence[str] = ()
    error: str | None = None

    def as_json(self) -> dict[str, Any]:
        """As plain data."""
        if self.error is not None:
            return {"file": self.file, "error": self.error}
        top = [{"class": name, "probability": round(share, 6)} for name, share in self.classes]
        return {"file": self.file, **top[0], "top": top, "changes": list(self.changes)}

    def show(self) -> None:
        """Prints it: a line and a bar for each class, and what was done to the picture; errors on stderr."""
        if self.error is not None:
            print(f"cnnfast: error: {self.error}", file=sys.stderr)
            return
        print(self.file)
        width = max(len(name) for name, _ in self.classes)
        for name, share in self.classes:
            print(f"  {name:<{width}} {share:8.2%}  {_bar(share)}".rstrip())
        if self.changes:
            print(f"  ({', '.join(self.changes)}; --raw takes it as it is)")


def add_command(commands: Any) -> None:
    """Adds the command to the parser."""
    parser = commands.add_parser("predict", help="tell what is in pictures")
    parser.add_argument("model", metavar="MODEL", help=networks.HELP)
    parser.add_argument("images", metavar="PICTURE", nargs="+", help="picture files, or folders of them")
    parser.add_argument("--weights", metavar="FILE", default="imagenet", help="a known network's weights")
    count = whole_number(minimum=1)
    parser.add_argument(
        "--size", type=count, metavar="PIXELS", help="sides of pictures, for a model that leaves them open"
    )
    parser.add_argument(
        "--top", type=count, default=_TOP, metavar="N", help=f"classes to name (default: {_TOP})"
    )
    parser.add_argument("--json", action="store_true", help="print a JSON list")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--raw", action="store_true", help="change nothing but the pictures' size")
    how.add_argument(
        "--digits",
        action="store_true",
        help="prepare pictures as MNIST's were, whatever the model's file says",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Answers for each picture; the exit code is 1 if some could not be told."""
    paths = [path for given in options.images for path in _pictures(Path(given))]
    answers = []
    for answer in _answers(options, paths):
        answers.append(answer)
        if not options.json:
            answer.show()
    if options.json:
        print(json.dumps([answer.as_json() for answer in answers], indent=1))
    return _SOME_BAD if any(answer.error for answer in answers) else 0


def _pictures(given: Path) -> list[Path]:
    if not given.is_dir():
        return [given]
    found = pictures_in(given)
    if not found:
        raise UserError(f"the folder {given} holds no pictures")
    return found


def _answers(options: argparse.Namespace, paths: Sequence[Path]) -> Iterator[Answer]:
    model, may_be_logits = networks.find(options.model, options.weights, options.size)
    wanted, recorded = ImageInput.of(model), Recorded.of(model)
    how = "plain" if options.raw else "mnist" if options.digits else recorded.preparation or "drawing"
    for start in range(0, len(paths), _AT_A_TIME):
        read: dict[Path, Prepared] = {}
        errors: dict[Path, str] = {}
        for path in paths[start : start + _AT_A_TIME]:
            try:
                read[path] = prepare(path, wanted, how)
            except (ImageFileError, BlankError) as error:
                errors[path] = str(error)
        rows = {}
        if read:
            pixels = np.stack([prepared.pixels for prepared in read.values()])
            batch = wanted.batch(pixels, recorded.preparation or "plain")
            told = classifier.probabilities(model, batch, options.model, may_be_logits)
            rows = dict(zip(read, told, strict=True))
        for path in paths[start : start + _AT_A_TIME]:
            if path in errors:
                yield Answer(str(path), error=errors[path])
            else:
                names = recorded.names(len(rows[path]))
                best = np.argsort(-rows[path], kind="stable")[: options.top]
                classes = [(names[index], float(rows[path][index])) for index in best]
                yield Answer(str(path), classes, read[path].changes)


def _bar(share: float) -> str:
    """A bar of blocks, in halves, or of signs that every output can show."""
    halves = round(2 * _BAR * share)
    try:
        "█▌".encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return "#" * (halves // 2)
    return "█" * (halves // 2) + "▌" * (halves % 2)
