"""Damaged files, made from a seed and loaded: `python -m support.damaged_files FORMAT FOLDER FIRST COUNT`.

Damage: bytes flipped or set to extremes, runs of them lost, repeated or drawn anew, the end cut off, half of
it near the beginning; and as a forger would, behind check sums that are right: numbers in what is told.
Prints each mutant's number before it is loaded, and how many were refused; dies of all but a clear refusal.
"""

import io
import json
import random
import resource
import signal
import sys
import warnings
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import cnnfast
from cnnfast import Input, Sequential, layers
from cnnfast.io import load_onnx, load_weights
from cnnfast.models import load_model
from support import mutants, torch_files

LIMIT_BYTES = 512 << 20  # over what the process has mapped; the sound files take 10 kB
SECONDS = 5.0  # of computing
EXTREMES = (-1, 0, 1, 2, 3, 7, 100, 2**15, 2**20, 2**28, 2**31 - 1, 2**31, 2**40, 2**62, 2**63 - 1, -(2**63))


@cache
def state() -> dict[str, np.ndarray]:
    """The weights as PyTorch has them."""
    rng = np.random.default_rng(0)
    shapes = {"0.weight": (4, 3, 3, 3), "0.bias": (4,), "2.weight": (5, 16), "2.bias": (5,)}
    return {name: rng.standard_normal(shape, np.float32) for name, shape in shapes.items()}


@cache
def model() -> Sequential:
    """The network whose weights they are."""
    return Sequential([Input((4, 4, 3)), layers.Conv2D(4, 3), layers.Flatten(), layers.Dense(5)])


# -- sound files -------------------------------------------------------------------------------------------


def _npz() -> list[bytes]:
    file = io.BytesIO()
    np.savez(file, **state())
    return [file.getvalue()]


def _safetensors() -> list[bytes]:
    from safetensors.numpy import save

    return [save(state())]


def _weights_h5() -> list[bytes]:
    from cnnfast.io.hdf5 import written

    paths = [f"layers/{layer}/vars/{place}" for layer in ("conv2d", "dense") for place in (0, 1)]
    return [written(dict(zip(paths, model().get_weights(), strict=True)))]


def _keras() -> list[bytes]:
    """With training behind it."""
    import tempfile

    made = model()
    made.compile("adam", "mse", metrics=["mae"])
    made.fit(np.zeros((2, 4, 4, 3)), np.zeros((2, 5)), verbose=0)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "net.keras")
        made.save(path)
        return [path.read_bytes()]


def _h5() -> list[bytes]:
    """As Keras wrote whole models before."""
    import h5py

    (whole,) = _keras()
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        config = archive.read("config.json")
    file = io.BytesIO()
    with h5py.File(file, "w") as store:
        store.attrs["model_config"] = config.decode()
        group = store.create_group("model_weights")
        named = [each for each in model().layers if each.weights]
        group.attrs["layer_names"] = [each.name.encode() for each in named]
        for layer in named:
            paths = [weight.name for weight in layer.weights]
            group.create_group(layer.name).attrs["weight_names"] = [path.encode() for path in paths]
            for path, weight in zip(paths, layer.weights, strict=True):
                group[layer.name][path] = weight.numpy()
    return [file.getvalue()]


def _onnx() -> list[bytes]:
    from support.onnx_graphs import GRAPHS
    from support.onnx_models import parsed

    return [parsed(text, **constants).SerializeToString() for text, constants, _ in GRAPHS.values()]


# -- damage ------------------------------------------------------------------------------------------------


def _wounded(content: bytes, rng: random.Random) -> bytes:
    """The same with one to four wounds."""
    data = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        if not data:
            break
        at = rng.randrange(len(data)) if rng.random() < 0.5 else rng.randrange(min(len(data), 600))
        size = rng.choice((1, 1, 2, 4, 8, 50))
        kind = rng.randrange(6)
        if kind == 0:
            data[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            data[at : at + size] = rng.choice((b"\xff", b"\0", b"\x7f", b"\x80")) * size
        elif kind == 2:
            del data[at : at + size]
        elif kind == 3:
            data[at:at] = data[at : at + size] * rng.randint(1, 3)
        elif kind == 4:
            data[at : at + size] = rng.randbytes(size)
        else:
            del data[max(at, 1) :]
    return bytes(data)


def _forged_keras(content: bytes, rng: random.Random) -> bytes:
    parts, comment = mutants._parts(content)
    name = rng.choice(["config.json", "config.json", "model.weights.h5"])
    if name == "config.json":
        config = json.loads(parts[name])
        node, key = rng.choice(mutants._places(config))
        node[key] = rng.choice(mutants.VALUES)
        parts[name] = json.dumps(config).encode()
    else:
        parts[name] = _wounded(parts[name], rng)
    return mutants._zipped(parts, comment)


def _forged_onnx(content: bytes, rng: random.Random) -> bytes:
    import onnx

    proto = onnx.load_model_from_string(content)
    for _ in range(rng.randint(1, 2)):
        change = rng.choice(_numbers(proto.graph))
        change(rng.choice(EXTREMES))
    return bytes(proto.SerializeToString())


def _numbers(message: Any) -> list[Callable[[int], None]]:
    """What sets the numbers of 64 bits in a message, and in tensors of these."""
    found: list[Callable[[int], None]] = []
    for field, value in message.ListFields():
        listed = value if field.is_repeated else [value]
        if field.message_type is not None:
            found += [change for each in listed for change in _numbers(each)]
        elif field.cpp_type == field.CPPTYPE_INT64:
            places = range(len(value)) if field.is_repeated else [None]
            found += [_setter(message, field.name, place) for place in places]
        elif field.name == "raw_data" and message.data_type == 7 and value:  # whole numbers
            found += [_setter_of_bytes(message, place) for place in range(0, len(value), 8)]
    return found


def _setter(message: Any, name: str, place: int | None) -> Callable[[int], None]:
    if place is None:
        return lambda number: setattr(message, name, number)
    return lambda number: getattr(message, name).__setitem__(place, number)


def _setter_of_bytes(message: Any, place: int) -> Callable[[int], None]:
    def change(number: int) -> None:
        raw = message.raw_data
        message.raw_data = raw[:place] + number.to_bytes(8, "little", signed=True) + raw[place + 8 :]

    return change


# -- loading -----------------------------------------------------------------------------------------------


def _weights(path: Path) -> None:
    """Loads weights; a refusal leaves the model as it was."""
    made = model()
    before = made.get_weights()
    try:
        load_weights(made, path)
    except ValueError:
        if not all(map(np.array_equal, before, made.get_weights())):
            raise SystemExit("a refusal changed weights") from None
        raise
    made.set_weights(before)


# What makes sound files, what loads them, and what forges them.
FORMATS: dict[str, tuple[Callable[[], list[bytes]], Callable[[Path], Any], Any]] = {
    "pth": (lambda: [torch_files.zipped(state())], _weights, None),
    "legacy.pth": (lambda: [torch_files.legacy(state())], _weights, None),
    "safetensors": (_safetensors, _weights, None),
    "npz": (_npz, _weights, None),
    "weights.h5": (_weights_h5, _weights, None),
    "h5": (_h5, load_model, None),
    "keras": (_keras, load_model, _forged_keras),
    "onnx": (_onnx, load_onnx, _forged_onnx),
}


def main(suffix: str, folder: Path, first: int, count: int) -> None:
    """Loads `count` mutants of a format."""
    warnings.simplefilter("ignore")
    cnnfast.set_num_threads(1)
    sound, load, forged = FORMATS[suffix]
    contents, path, refused = sound(), folder / f"net.{suffix}", 0
    for content in contents:
        path.write_bytes(content)
        load(path)
    mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (mapped + LIMIT_BYTES, -1))
    for number in range(first, first + count):
        print(suffix, number, flush=True)
        rng = random.Random(f"{suffix} {number}")
        damage = _wounded if forged is None or rng.random() < 0.5 else forged
        path.write_bytes(damage(rng.choice(contents), rng))
        signal.setitimer(signal.ITIMER_PROF, SECONDS)  # whose signal ends the process, whatever it is in
        try:
            load(path)
        except ValueError as error:
            refused += 1
            if suffix != "onnx" and str(path) not in str(error):
                raise SystemExit(f"{error} does not tell the file") from error
        except BaseException as error:
            raise SystemExit(f"{type(error).__name__}: {error}") from error
        signal.setitimer(signal.ITIMER_PROF, 0)
    print(f"{suffix}: {refused} of {count} refused", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
