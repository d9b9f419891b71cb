"""`cnnfast train`: learn pictures, say how well, save the model and a picture of it."""

import argparse
import dataclasses
import os
from pathlib import Path
from typing import Any

from cnnfast.cli import data, keeping, report, user_model
from cnnfast.cli.augment import KINDS
from cnnfast.cli.errors import UserError, whole_number
from cnnfast.cli.images import ImageInput
from cnnfast.cli.recipes import MODELS, RECIPE
from cnnfast.cli.training import Training

_INTERRUPTED = 130


def add_command(commands: Any) -> None:
    """Adds the command to the parser."""
    parser = commands.add_parser("train", help="train a network on pictures")
    parser.add_argument(
        "data_set",
        metavar="DATA",
        help="mnist, fashion_mnist, or a folder with a folder of pictures for each class; from its folders "
        "train and test, if it has them, the network learns and is tested",
    )
    parser.add_argument(
        "--model",
        help=f"{', '.join(MODELS)}, or FILE.py that defines build_model() or model "
        f"(default: {_default_model(in_folder=False)}; for a folder {_default_model(in_folder=True)})",
    )
    parser.add_argument("--data", metavar="DIR", help="the folder with mnist's or fashion_mnist's files")
    count = whole_number(minimum=1)
    parser.add_argument(
        "--size", type=count, metavar="PIXELS", help="a folder's pictures' sides (default: the network's)"
    )
    parser.add_argument("--augment", type=_kinds, default=(), help="new views in each epoch: flip,shift")
    parser.add_argument("--epochs", type=count, help=f"times through the data (default: {RECIPE.epochs})")
    parser.add_argument("--batch-size", type=count, help=f"images a step (default: {RECIPE.batch_size})")
    parser.add_argument("--precision", choices=["exact", "default", "fast"], help="how close to exact sums")
    parser.add_argument("--threads", type=count, help="threads to use (default: all)")
    parser.add_argument("--out", metavar="DIR", type=Path, default=Path("out"), help="results (default: out)")
    parser.add_argument(
        "--seed", type=whole_number(minimum=0), default=0, help="of all that is random (default: 0)"
    )
    parser.add_argument("--verbose", action="store_true", help="also print layers and algorithms chosen")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Trains, reports and saves."""
    _apply_settings(options)
    chosen = data.find(options.data_set, options.data, options.seed)
    name = options.model or _default_model(isinstance(chosen, data.Folder))
    with user_model.runs(name):
        return _train(options, name, chosen)


def _train(options: argparse.Namespace, name: str, chosen: data.Data) -> int:
    model, wanted = _model(name, options.size, chosen)
    recipe = dataclasses.replace(
        RECIPE,
        epochs=options.epochs or RECIPE.epochs,
        batch_size=options.batch_size or RECIPE.batch_size,
    )
    training = Training(model, Path(name).stem, chosen, chosen.load(wanted), wanted, recipe)
    training.announce()
    if options.verbose:
        model.summary()
    results = report.Paths.in_folder(options.out, f"{chosen.name}-{training.name}")
    with keeping.signals_raise():
        try:
            history, seconds = training.run(options.augment, options.seed)
        except (KeyboardInterrupt, OSError, MemoryError) as end:
            return _keep(model, results.model, end)
        results = dataclasses.replace(results, model=keeping.save(model, results.model))
        report.write(model, training.judge(history, seconds), results)
    return 0


def _apply_settings(options: argparse.Namespace) -> None:
    import cnnfast

    options.out.mkdir(parents=True, exist_ok=True)
    if not os.access(options.out, os.W_OK):
        raise UserError(f"the folder {options.out} cannot be written to; name another with --out")
    if options.threads is not None:
        try:
            cnnfast.set_num_threads(options.threads)
        except ValueError as error:
            raise UserError(f"--threads: {error}") from error
    if options.precision is not None:
        cnnfast.set_precision(options.precision)
    if options.verbose:
        os.environ["CNNFAST_VERBOSE"] = "1"
    cnnfast.set_random_seed(options.seed)


def _default_model(in_folder: bool) -> str:
    return "cifar_cnn" if in_folder else "cnn"


def _model(name: str, side: int | None, chosen: data.Data) -> tuple[Any, ImageInput]:
    """The network by name or from a file, which suits the classes, and what pictures it takes."""
    classes = len(chosen.class_names)
    if side is not None and not isinstance(chosen, data.Folder):
        raise UserError(f"--size is for folders of pictures; those of {chosen.name} have theirs")
    if name in MODELS:
        network = MODELS[name]
        try:
            model = network.build((side, side) if side else network.size, classes)
        except ValueError as error:
            raise UserError(f"{name} on pictures of {side} x {side}: {error}") from error
        return model, ImageInput.of(model)
    if not name.endswith(".py"):
        raise UserError(f"there is no model {name!r}: say {', '.join(MODELS)}, or the name of a .py file")
    model = user_model.load(name)
    try:
        wanted = ImageInput.of(model)
    except UserError as error:
        raise UserError(f"{name}: {error}") from error
    if side is not None and (side, side) != (wanted.height, wanted.width):
        raise UserError(f"{name}: the model takes pictures of {wanted.size}; leave --size out")
    outputs = model.output_shape[1:] if isinstance(model.output_shape, tuple) else None
    if outputs != (classes,) and (outputs, classes) != ((1,), 2):
        raise UserError(
            f"{name}: the model must end in {classes} outputs, one for each class, but its output has shape "
            f"{model.output_shape}"
        )
    return model, wanted


def _keep(model: Any, path: Path, end: BaseException) -> int:
    """Saves what a training came to before its end, and says where; returns the exit code."""
    kept = keeping.save(model, path)
    if not isinstance(end, KeyboardInterrupt):
        what = f"out of memory: {end}" if isinstance(end, MemoryError) else str(end)
        raise UserError(f"{what}. The model as trained so far is in {kept}") from end
    print(f"\nInterrupted. The model as trained so far is in {kept}")
    return end.exit_code if isinstance(end, keeping.Stopped) else _INTERRUPTED


def _kinds(text: str) -> tuple[str, ...]:
    kinds = tuple(text.split(","))
    if strange := [kind for kind in kinds if kind not in KINDS]:
        raise argparse.ArgumentTypeError(
            f"must be of {', '.join(KINDS)}, with commas between, not {strange[0]!r}"
        )
    return kinds
