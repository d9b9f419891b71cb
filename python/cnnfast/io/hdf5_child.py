"""The other process that reads an HDF5 file: `python -I hdf5_child.py`, started by `hdf5_store.py`.

The HDF5 library may crash over a damaged file, or loop without end and hold Python's lock meanwhile. Here it
takes nobody along, and the system ends it after some seconds of computing. cnnfast is not imported.

A line of JSON tells the file, and is answered by what the file holds; then each line names an array, and is
answered by a line and the array's bytes.
"""

from __future__ import annotations

import io
import json
import resource
import sys
import zipfile
from collections.abc import Iterator
from typing import Any

_ATTRIBUTES = ("layer_names", "weight_names", "model_config", "training_config", "keras_version")


class _RefusedError(Exception):
    """A sentence about a sound file."""


def main() -> None:
    """Answers until there are no more questions."""
    told = json.loads(sys.stdin.buffer.readline())
    sys.path[:] = told["import_path"]
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (told["seconds"], resource.getrlimit(resource.RLIMIT_CPU)[1]))
    try:
        _serve(told["path"], told["part"])
    except _RefusedError as error:
        _answer({"error": str(error)})
    except Exception as error:
        part = told["part"]
        what = (
            "it is an HDF5 file, and" if part is None else f"it is a model of Keras, and its part {part} is"
        )
        _answer({"error": f"{what} damaged ({error or type(error).__name__}); fetch a sound copy"})


def _serve(path: str, part: str | None) -> None:
    import h5py

    with h5py.File(path if part is None else _part(path, part), "r") as store:
        found = dict(_found(store))
        arrays = {name: each for name, each in found.items() if isinstance(each, h5py.Dataset)}
        groups = {"": store} | {name: each for name, each in found.items() if name not in arrays}
        _answer(
            {
                "arrays": {name: (each.shape, each.dtype.str) for name, each in arrays.items()},
                "attributes": {name: _attributes(each) for name, each in groups.items()},
            }
        )
        for line in sys.stdin.buffer:
            array = arrays[json.loads(line)][()]
            _answer({}, array.tobytes())


def _part(path: str, part: str) -> io.BytesIO:
    with zipfile.ZipFile(path) as archive:
        return io.BytesIO(archive.read(part))


def _found(store: Any) -> Iterator[tuple[str, Any]]:
    """Groups and arrays of numbers by their paths. Links that lead out of the file are not followed."""
    import h5py

    listed: list[tuple[str, Any]] = []
    store.visititems(lambda path, each: listed.append((path, each)))
    for path, each in listed:
        if not isinstance(each, h5py.Dataset):
            yield path, each
        elif each.is_virtual or each.external:
            raise _RefusedError(f"its array {path} lies in other files, which are not read")
        elif each.dtype.kind in "fiu":
            yield path, each


def _attributes(group: Any) -> dict[str, Any]:
    """Those of Keras's, as texts and lists of texts."""
    return {name: _text(group.attrs[name]) for name in _ATTRIBUTES if name in group.attrs}


def _text(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode()
    return value if isinstance(value, str) else [_text(each) for each in value]


def _answer(message: dict[str, Any], content: bytes = b"") -> None:
    sys.stdout.buffer.write(json.dumps(message).encode() + b"\n" + content)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
