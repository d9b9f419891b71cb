"""`cnnfast bench`: how long a model takes to predict, beside ONNX Runtime where that is installed."""

import argparse
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from cnnfast.cli import networks
from cnnfast.cli.errors import UserError, whole_number
from cnnfast.utils.table import table_lines

_ROUNDS = 5  # of each in turns, so that a slow moment of the machine meets both
_SECONDS = 0.5  # of a turn
# Smaller outputs are compared as if they were as large: of a sigmoid at -17 ONNX Runtime has one digit.
_SMALL = 1e-3


def add_command(commands: Any) -> None:
    """Adds the command to the parser."""
    parser = commands.add_parser("bench", help="time a model's predictions, beside ONNX Runtime's")
    parser.add_argument("model", metavar="MODEL", help=networks.HELP)
    count = whole_number(minimum=1)
    parser.add_argument(
        "--batch-size", type=count, default=1, metavar="N", help="pictures at a time (default: 1)"
    )
    parser.add_argument("--threads", type=count, default=1, metavar="N", help="threads to use (default: 1)")
    parser.add_argument(
        "--size", type=count, metavar="PIXELS", help="sides of pictures, for a model that leaves them open"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Times and compares."""
    import cnnfast

    try:
        cnnfast.set_num_threads(options.threads)
    except ValueError as error:
        raise UserError(f"--threads: {error}") from error
    model = networks.find(options.model, None, options.size).model
    inputs = [_numbers(shape, options.batch_size) for shape in _listed(model.input_shape)]
    given = inputs if isinstance(model.input_shape, list) else inputs[0]
    engines: dict[str, Callable[[], Any]] = {"cnnfast": lambda: model.predict_on_batch(given)}
    missing = [name for name in ("onnx", "onnxruntime") if find_spec(name) is None]
    if not missing:
        engines["ONNX Runtime"] = _onnxruntime(model, inputs, options.threads)
        _compare(*(_listed(engine()) for engine in engines.values()))
    seconds = _timed(engines)
    rows = [
        (
            name,
            f"{taken * 1e3:.3g}",
            f"{options.batch_size / taken:,.1f}",
            f"{taken / seconds['cnnfast']:.2f}",
        )
        for name, taken in seconds.items()
    ]
    print(f"{model.name}, batch of {options.batch_size}, threads: {options.threads}")
    print("\n".join(table_lines(("", "ms", "images/s", "times as long"), rows, left=1)))
    if missing:
        print(f"pip install {' '.join(missing)} for a comparison with ONNX Runtime")
    return 0


def _listed(one_or_several: Any) -> list[Any]:
    return one_or_several if isinstance(one_or_several, list) else [one_or_several]


def _numbers(shape: Any, batch_size: int) -> Any:
    if not isinstance(shape, tuple) or None in shape[1:]:
        raise UserError(
            f"the model takes inputs of shape {shape}, and bench needs one that is fixed: --size tells sides"
        )
    return np.random.default_rng(0).standard_normal((batch_size, *shape[1:]), np.float32)


def _onnxruntime(model: Any, inputs: list[Any], threads: int) -> Callable[[], Any]:
    import onnxruntime

    from cnnfast import io

    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads, settings.inter_op_num_threads = threads, 1
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "net.onnx")
        io.save_onnx(model, file)
        session = onnxruntime.InferenceSession(str(file), settings, providers=["CPUExecutionProvider"])
    named = {each.name: x for each, x in zip(session.get_inputs(), inputs, strict=True)}
    return lambda: session.run(None, named)


def _compare(ours: list[Any], theirs: list[Any]) -> None:
    for one, other in zip(ours, theirs, strict=True):
        scale = max(float(np.abs(other).max()), _SMALL)
        if not np.allclose(one, other, atol=1e-3 * scale):
            raise UserError(f"ONNX Runtime answers otherwise, by {np.abs(one - other).max() / scale:.1e}")


def _timed(engines: dict[str, Callable[[], Any]]) -> dict[str, float]:
    """Seconds of a prediction: of each engine the median turn."""
    turns: dict[str, list[float]] = {name: [] for name in engines}
    for _ in range(_ROUNDS):
        for name, engine in engines.items():
            engine()  # what the other left in the caches does not count
            begin, count = time.perf_counter(), 0
            while time.perf_counter() - begin < _SECONDS or not count:
                engine()
                count += 1
            turns[name].append((time.perf_counter() - begin) / count)
    return {name: median(times) for name, times in turns.items()}
