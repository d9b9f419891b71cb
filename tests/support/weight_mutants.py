"""Damaged files of weights, made from a seed and loaded: `python -m support.weight_mutants FOLDER COUNT`.

Damage: bytes flipped or set to extremes, runs of them lost, repeated or drawn anew, the end cut off; half of
it near the beginning. Prints for each format how many were refused and loaded; dies of anything else.
"""

import io
import random
import resource
import sys
import time
import warnings
from pathlib import Path

import numpy as np

from cnnfast import Input, Sequential, layers
from cnnfast.io import load_weights
from support import torch_files

LIMIT_BYTES = 512 << 20  # over what the process has mapped; the sound files take 10 kB
SECONDS = 5.0


def files() -> dict[str, bytes]:
    """Sound ones, by their suffix."""
    import h5py
    from safetensors.numpy import save

    rng = np.random.default_rng(0)
    shapes = {"0.weight": (4, 3, 3, 3), "0.bias": (4,), "2.weight": (5, 16), "2.bias": (5,)}
    state = {name: rng.standard_normal(shape, np.float32) for name, shape in shapes.items()}
    npz, h5 = io.BytesIO(), io.BytesIO()
    np.savez(npz, **state)
    with h5py.File(h5, "w") as file:
        for place, array in enumerate(make().get_weights()):
            file[f"layers/{('conv2d', 'dense')[place // 2]}/vars/{place % 2}"] = array
    return {
        "pth": torch_files.zipped(state),
        "legacy.pth": torch_files.legacy(state),
        "safetensors": save(state),
        "npz": npz.getvalue(),
        "h5": h5.getvalue(),
    }


def make() -> Sequential:
    """The network whose weights they are."""
    return Sequential([Input((4, 4, 3)), layers.Conv2D(4, 3), layers.Flatten(), layers.Dense(5)])


def damaged(content: bytes, rng: random.Random) -> bytes:
    """The same with one to four wounds."""
    data = bytearray(content)
    for _ in range(rng.randint(1, 4)):
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


def main(folder: Path, count: int) -> None:
    """Loads `count` mutants of each format."""
    warnings.simplefilter("ignore")
    model, sound = make(), files()
    before = model.get_weights()
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize() + LIMIT_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (taken, taken))
    for suffix, content in sound.items():
        path, refused = folder / f"net.{suffix}", 0
        path.write_bytes(content)
        assert load_weights(model, path).complete
        for number in range(count):
            path.write_bytes(damaged(content, random.Random(f"{suffix} {number}")))
            model.set_weights(before)
            started = time.process_time()
            try:
                load_weights(model, path)
            except ValueError as error:
                refused += 1
                same = all(map(np.array_equal, before, model.get_weights()))
                if str(path) not in str(error) or not same:
                    raise SystemExit(f"{suffix} {number}: {error}; weights as before: {same}") from error
            except BaseException as error:
                raise SystemExit(f"{suffix} {number}: {type(error).__name__}: {error}") from error
            if time.process_time() - started > SECONDS:
                raise SystemExit(f"{suffix} {number}: too slow")
        print(suffix, refused, count - refused, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
