"""Damaged files, made from a seed, and a process that loads them: `python -m support.mutants FOLDER`.

Damage: bytes flipped, runs of bytes lost or repeated, the zip's structure, JSON's values (with and without
the digest made right again), safetensors' headers, geometry.
"""

import copy
import io
import json
import random
import resource
import struct
import sys
import time
import warnings
import zipfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

import cnnfast
from cnnfast import Input, Model, layers
from cnnfast.models import ModelFileError, load_model

PER_CHUNK = 100
LIMIT_BYTES = 64 << 20  # over what the process has mapped; the sound files take less than 100 kB
PLANNED_BYTES = 32 << 20  # models that need more are loaded and not run
VALUES: list[Any] = [
    *(
        None,
        True,
        False,
        0,
        -1,
        1,
        2,
        3,
        7,
        0.5,
        -0.5,
        1e-300,
        1e300,
        1e999,
        float("nan"),
        2**24,
        2**29,
        2**30,
    ),
    *(
        2**31 - 1,
        2**31,
        2**32 + 5,
        2**53,
        2**63,
        2**64,
        10**30,
        10**400,
        "",
        "x",
        "relu",
        "same",
        "\ud800",
        "\0",
    ),
    *("é" * 300, [], [[]], [1], [1, 1], [0, 0], [-1, 2], [2**30, 2**30], [[1, 2], [3, 4]], ["a"], [None], {}),
    *(
        {"a": 1},
        {"class_name": "L2", "config": {}},
        {"class_name": "Dense", "config": {"units": 1}},
        {"shared": 0},
    ),
]
GEOMETRY = ["kernel_size", "strides", "padding", "dilation_rate", "groups", "filters", "units", "pool_size"]
GEOMETRY += ["input_shape", "shape", "output_padding", "rate", "data_format", "sources", "layer"]


def make_models(folder: Path) -> None:
    """Writes the sound files: models with training behind them, and weights."""
    cnnfast.set_random_seed(1)
    chain = cnnfast.Sequential(
        [
            Input((6, 6, 2), name="in"),
            layers.Conv2D(3, 3, padding="same", activation="relu", kernel_regularizer="l2", name="conv"),
            layers.MaxPooling2D(2, name="pool"),
            layers.Dropout(0.25, name="dropout"),
            layers.Flatten(name="flatten"),
            layers.Dense(4, activation="softmax", kernel_constraint="max_norm", name="head"),
        ],
        name="chain",
    )
    x = Input((12, 2), name="steps")
    y = layers.Conv1D(4, 3, padding="causal", name="causal")(x)
    y = layers.Add(name="add")([y, layers.SeparableConv1D(4, 3, padding="same", name="apart")(y)])
    y = layers.Conv1DTranspose(2, 3, strides=2, name="wide")(layers.ReLU(name="relu")(y))
    graph = Model(x, layers.Dense(3, name="out")(layers.Flatten(name="flat")(y)), name="graph")
    # No dense layer: the weights suit any geometry, so that it is planned and run.
    plane = cnnfast.Sequential(
        [
            Input((9, 9, 2), name="image"),
            layers.Conv2D(4, 3, padding=((1, 1), (1, 1)), name="first"),
            layers.MaxPooling2D(3, strides=2, padding="same", name="small"),
            layers.DepthwiseConv2D(3, padding="same", dilation_rate=2, name="each"),
            layers.AveragePooling2D(2, strides=1, name="mean"),
            layers.Conv2DTranspose(2, 3, strides=2, padding="same", name="large"),
            layers.SeparableConv2D(3, 3, padding="valid", activation="relu", name="last"),
        ],
        name="plane",
    )
    plane.network  # noqa: B018  # makes the weights
    rng = np.random.default_rng(0)
    chain.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    chain.fit(rng.normal(size=(8, 6, 6, 2)), rng.integers(0, 4, 8), verbose=0)
    graph.compile(cnnfast.optimizers.SGD(0.1, 0.9), "mse", metrics=["mae"])
    graph.fit(rng.normal(size=(8, 12, 2)), rng.normal(size=(8, 3)), verbose=0)
    for model in (chain, graph, plane):
        model.save(folder / f"{model.name}.cnnfast")
        model.save_weights(folder / f"{model.name}.safetensors")


# -- damage ----------------------------------------------------------------------------------------------


def _flip(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice([1, 1, 1, 2, 8])):
        changed[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _overwrite(data: bytes, rng: random.Random) -> bytes:
    at, number = rng.randrange(len(data)), rng.choice([0, 1, 2**16 - 1, 2**31, 2**32 - 1, 2**63, 2**64 - 1])
    piece = struct.pack("<Q", number)[: rng.choice([1, 2, 4, 8])]
    return data[:at] + piece + data[at + len(piece) :]


def _cut(data: bytes, rng: random.Random) -> bytes:
    begin, end = sorted((rng.randrange(len(data) + 1), rng.randrange(len(data) + 1)))
    return rng.choice([data[:begin], data[begin:], data[:begin] + data[end:], data[:end] + data[begin:]])


def _near_end(data: bytes, rng: random.Random) -> bytes:
    """In the zip's directory, where its structure is."""
    begin = data.rfind(b"PK\x01\x02", 0, data.find(b"PK\x01\x02") + 4)
    at = max(begin, 0)
    return data[:at] + rng.choice([_flip, _overwrite])(data[at:], rng)


def _parts(data: bytes) -> tuple[dict[str, bytes], bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}, archive.comment


def _zipped(parts: dict[str, bytes], comment: bytes, method: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w", method) as archive:
        archive.comment = comment
        for name, content in parts.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def _structure(data: bytes, rng: random.Random) -> bytes:
    parts, comment = _parts(data)
    names = list(parts)
    name, other = rng.choice(names), rng.choice(names)
    what = rng.randrange(6)
    if what == 0:
        del parts[name]
    elif what == 1:
        parts[name], parts[other] = parts[other], parts[name]
    elif what == 2:
        parts[rng.choice(["x", "../x", "é", "a/" * 99])] = parts.pop(name)
    elif what == 3:
        parts[name] = rng.choice([_flip, _cut, _overwrite])(parts[name], rng)
    elif what == 4:
        comment = rng.choice([b"", b"x", comment[:-1], comment * 2])
    return _zipped(parts, comment, zipfile.ZIP_DEFLATED if what == 5 else zipfile.ZIP_STORED)


def _places(node: Any) -> list[tuple[Any, Any]]:
    """All containers and keys in JSON."""
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [place for key, value in items for place in [(node, key), *_places(value)]]


def _with_config(data: bytes, rng: random.Random, change: Callable[[Any], None]) -> bytes:
    parts, comment = _parts(data)
    config = json.loads(parts["config.json"])
    change(config)
    parts["config.json"] = json.dumps(config).encode()
    if rng.random() < 0.9:  # as a forger would
        comment = b"sha256 " + sha256(parts["config.json"]).hexdigest().encode()
    return _zipped(parts, comment)


def _json(data: bytes, rng: random.Random) -> bytes:
    def change(config: Any) -> None:
        for _ in range(rng.choice([1, 1, 2])):
            node, key = rng.choice(_places(config))
            what = rng.random()
            if what < 0.7:
                node[key] = copy.deepcopy(rng.choice(VALUES))
            elif what < 0.8:
                node.pop(key)
            elif what < 0.9:
                node[key] = copy.deepcopy(rng.choice([n for n, _ in _places(config)]))
            elif isinstance(node, dict):
                node[rng.choice(["x", "units", "shared", "\ud800"])] = node.pop(key)

    return _with_config(data, rng, change)


def _geometry(data: bytes, rng: random.Random) -> bytes:
    def change(config: Any) -> None:
        places = [(node, key) for node, key in _places(config) if key in GEOMETRY]
        for _ in range(rng.choice([1, 1, 2, 3])):
            node, key = rng.choice(places)
            number = rng.choice([0, 1, 2, 3, 5, 100, 10**4, 2**15, 2**20, 2**24 - 1, 2**29, 2**30, 2**31 - 1])
            value = [number] * len(node[key]) if isinstance(node[key], list) else number
            if key == "padding":
                value = rng.choice(
                    ["same", "valid", "causal", [[number, number]], [[number, 1], [1, number]]]
                )
            node[key] = value

    return _with_config(data, rng, change)


def _header(data: bytes, rng: random.Random) -> bytes:
    """A safetensors header with other values."""
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    for _ in range(rng.choice([1, 1, 2])):
        node, key = rng.choice(_places(header))
        node[key] = rng.choice(
            [*copy.deepcopy(VALUES), "F16", "F64", "BF16", "I32", [0, 4], [4, 0], [8, 12], [2**62, 2**62]]
        )
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data[8 + length :]


def _inner_header(data: bytes, rng: random.Random) -> bytes:
    parts, comment = _parts(data)
    name = rng.choice([name for name in parts if name.endswith(".safetensors")])
    parts[name] = _header(parts[name], rng)
    return _zipped(parts, comment)


_ANY = [_flip, _overwrite, _cut]
_OF_MODELS = [
    *_ANY,
    _near_end,
    _near_end,
    _structure,
    _json,
    _json,
    _json,
    _geometry,
    _geometry,
    _inner_header,
]
_OF_WEIGHTS = [*_ANY, _header, _header]


def mutant(sound: dict[str, bytes], number: int) -> tuple[str, str, bytes]:
    """Returns the name of a sound file, the kind of damage, and the damaged content.

    Numbers below 0 are the sound files as they are.
    """
    rng = random.Random(number)
    name = sorted(sound)[-number - 1] if number < 0 else rng.choice(sorted(sound))
    if number < 0:
        return name, "none", sound[name]
    damage = rng.choice(_OF_MODELS if name.endswith(".cnnfast") else _OF_WEIGHTS)
    return name, damage.__name__.strip("_"), damage(sound[name], rng)


# -- the process that loads them -------------------------------------------------------------------------


def _outcome(path: Path, name: str, kind: str, sound: dict[str, list[np.ndarray]]) -> str:
    """What loading did: "refused", "same", "told" (without a digest), "other model", or what is wrong."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            if name.endswith(".cnnfast"):
                model = load_model(path)
            else:
                model = load_model(path.with_name(name.replace(".safetensors", ".cnnfast")))
                model.set_weights([np.zeros_like(w) for w in model.get_weights()])
                model.load_weights(path)
        except ModelFileError:
            return "refused"
        except MemoryError as error:
            return f"WRONG memory: {error}"
        except Exception as error:
            return f"WRONG error: {type(error).__name__}: {error}"
    weights = model.get_weights()
    same = [w.shape for w in weights] == [w.shape for w in sound[name]] and all(
        a.tobytes() == b.tobytes() for a, b in zip(weights, sound[name], strict=True)
    )
    if kind in ("json", "geometry"):
        return _run(model, same)
    return "told" if caught else "same" if same else "WRONG numbers"


def _run(model: Any, same: bool) -> str:
    """A forged description is another model; planning and running it may be refused, and must end."""
    try:
        if model.memory(1, training=False) < PLANNED_BYTES:
            model.predict(np.zeros((1, *model.input_shape[1:]), np.float32), verbose=0)
    except (ValueError, MemoryError):
        pass
    except Exception as error:
        return f"WRONG run: {type(error).__name__}: {error}"
    return "other model" if same else "WRONG numbers"


def serve(folder: Path) -> None:
    """Answers each number of a mutant on a line with its outcome, seconds, and kind of damage."""
    cnnfast.set_num_threads(1)
    names = sorted(p.name for p in folder.iterdir() if p.suffix in (".cnnfast", ".safetensors"))
    content = {name: (folder / name).read_bytes() for name in names}
    sound = {name: load_model(folder / Path(name).with_suffix(".cnnfast")).get_weights() for name in names}
    mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (mapped + LIMIT_BYTES, -1))
    path = folder / "mutant"
    for line in sys.stdin:
        name, kind, data = mutant(content, int(line))
        path.write_bytes(data)
        begin = time.process_time()
        outcome = _outcome(path, name, kind, sound)
        print(json.dumps([outcome, time.process_time() - begin, kind]), flush=True)


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
