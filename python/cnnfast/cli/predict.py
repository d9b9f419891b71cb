"""`cnnfast predict`: which class is in a picture."""

import argparse
from typing import Any

import numpy as np

from cnnfast.cli.errors import UserError, load_model
from cnnfast.cli.images import ImageInput, read_image

_TOP = 3


def add_command(commands: Any) -> None:
    """Adds the command to the parser."""
    parser = commands.add_parser("predict", help="classify pictures with a saved model")
    parser.add_argument("model", metavar="MODEL", help="a saved model")
    parser.add_argument("images", metavar="IMAGE", nargs="+", help="PNG or JPEG files")
    parser.add_argument(
        "--invert",
        choices=["auto", "yes", "no"],
        default="auto",
        help="swap black and white; auto does it if a grey picture's border is bright (default: auto)",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Prints each picture's most probable classes."""
    model = load_model(options.model)
    wanted = ImageInput.of(model)
    images = np.stack([read_image(path, wanted, options.invert) for path in options.images])
    probabilities = model.predict(wanted.batch(images), verbose=0)
    if probabilities.ndim != 2 or not np.allclose(probabilities.sum(axis=1), 1, atol=1e-3):
        raise UserError(f"{options.model} does not end in a softmax over classes, so it names no class")
    for path, row in zip(options.images, probabilities, strict=True):
        best = np.argsort(-row, kind="stable")[:_TOP]
        print(f"{path}: " + ", ".join(f"{index} ({100 * row[index]:.1f} %)" for index in best))
    return 0
