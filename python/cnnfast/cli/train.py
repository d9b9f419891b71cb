"""`cnnfast train`: learn a data set, say how well, save the model and a picture of it."""

import argparse
import dataclasses
import os
import runpy
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnfast.cli import report
from cnnfast.cli.errors import UserError
from cnnfast.cli.images import ImageInput
from cnnfast.cli.recipes import CLASSES, MODELS, RECIPE, Recipe

_INTERRUPTED = 130


def add_command(commands: Any) -> None:
    """Adds the command to the parser."""
    parser = commands.add_parser("train", help="train a network on a data set")
    parser.add_argument("data_set", choices=["mnist", "fashion_mnist"], help="what to learn")
    parser.add_argument(
        "--model",
        default="cnn",
        help=f"{', '.join(MODELS)}, or FILE.py that defines build_model() or model (default: cnn)",
    )
    parser.add_argument("--data", metavar="DIR", help="the folder with the data set's files")
    count = _whole_number(minimum=1)
    parser.add_argument("--epochs", type=count, help=f"times through the data (default: {RECIPE.epochs})")
    parser.add_argument("--batch-size", type=count, help=f"images a step (default: {RECIPE.batch_size})")
    parser.add_argument("--threads", type=count, help="threads to use (default: all)")
    parser.add_argument("--out", metavar="DIR", type=Path, default=Path("out"), help="results (default: out)")
    parser.add_argument(
        "--seed", type=_whole_number(minimum=0), default=0, help="of weights, dropout, order (default: 0)"
    )
    parser.add_argument("--verbose", action="store_true", help="also print layers and algorithms chosen")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Trains, reports and saves."""
    import cnnfast
    from cnnfast import datasets

    options.out.mkdir(parents=True, exist_ok=True)
    if not os.access(options.out, os.W_OK):
        raise UserError(f"the folder {options.out} cannot be written to; name another with --out")
    if options.threads is not None:
        cnnfast.set_num_threads(options.threads)
    if options.verbose:
        os.environ["CNNFAST_VERBOSE"] = "1"
    cnnfast.set_random_seed(options.seed)
    model = MODELS[options.model]() if options.model in MODELS else _model_from_file(options.model)
    recipe = dataclasses.replace(
        RECIPE,
        epochs=options.epochs or RECIPE.epochs,
        batch_size=options.batch_size or RECIPE.batch_size,
    )
    results = report.Paths.in_folder(options.out, f"{options.data_set}-{Path(options.model).stem}")
    data_set = getattr(datasets, options.data_set)
    (train_images, y_train), (test_images, y_test) = data_set.load_data(data_dir=options.data)
    picture_input = ImageInput.of(model)
    x_train = picture_input.batch(train_images[..., np.newaxis])
    x_test = picture_input.batch(test_images[..., np.newaxis])
    if options.verbose:
        model.summary()
    start = time.perf_counter()
    try:
        history = _fit(model, recipe, (x_train, y_train), (x_test, y_test))
    except KeyboardInterrupt:
        model.save(results.model)
        print(f"\nInterrupted. The model as trained so far is in {results.model}")
        return _INTERRUPTED
    seconds = time.perf_counter() - start
    model.save(results.model)
    scores = model.evaluate(x_test, y_test, batch_size=recipe.batch_size, verbose=0, return_dict=True)
    outcome = report.Outcome(
        history={curve: history.history[curve] for curve in report.CURVES},
        accuracy=scores["accuracy"],
        top_5_error=1 - scores[report.TOP_5],
        images_per_second=recipe.epochs * len(x_train) / seconds,
        seconds=seconds,
        images=test_images,
        first_input=x_test[0],
        labels=y_test,
        probabilities=model.predict(x_test, verbose=0),
        class_names=data_set.CLASS_NAMES,
    )
    report.write(model, outcome, results)
    return 0


def _fit(model: Any, recipe: Recipe, train: tuple[NDArray[Any], ...], test: tuple[NDArray[Any], ...]) -> Any:
    from cnnfast import callbacks, optimizers

    def schedule(epoch: int, _: float) -> float:
        return recipe.learning_rate_in(epoch, recipe.epochs)

    model.compile(
        optimizer=optimizers.Adam(recipe.learning_rate),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy", report.TOP_5],
    )
    return model.fit(
        *train,
        batch_size=recipe.batch_size,
        epochs=recipe.epochs,
        validation_data=test,
        verbose=1 if sys.stdout.isatty() else 2,
        callbacks=[callbacks.LearningRateScheduler(schedule)],
    )


def _model_from_file(path: str) -> Any:
    """The model that a Python file makes. The file runs, with all that it may do: it is the user's own."""
    import cnnfast

    if not path.endswith(".py"):
        raise UserError(f"there is no model {path!r}: say {', '.join(MODELS)}, or the name of a .py file")
    if not Path(path).is_file():
        raise UserError(f"there is no file {path}")
    try:
        names = runpy.run_path(path)
        model = names["build_model"]() if "build_model" in names else names.get("model")
    # Whatever it raises, it is the file's own fault, and its author wants to know what and where.
    except Exception as error:
        raise UserError(f"{path}{_line_of(error, path)}: {type(error).__name__}: {error}") from error
    if not isinstance(model, (cnnfast.Sequential, cnnfast.Model)):
        raise UserError(f"{path} defines neither build_model() that returns a cnnfast model nor model")
    if tuple(model.output_shape[1:]) != (CLASSES,):
        raise UserError(
            f"{path}: the model must end in {CLASSES} probabilities, but its output has shape "
            f"{model.output_shape}"
        )
    return model


def _line_of(error: BaseException, path: str) -> str:
    """`:12` if the error came by line 12 of the file."""
    if isinstance(error, SyntaxError):
        return f":{error.lineno}"
    line, traceback = "", error.__traceback__
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == path:
            line = f":{traceback.tb_lineno}"
        traceback = traceback.tb_next
    return line


def _whole_number(minimum: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not text.isdecimal() or int(text) < minimum:
            raise argparse.ArgumentTypeError(f"must be a whole number, {minimum} or more, not {text!r}")
        return int(text)

    return parse
