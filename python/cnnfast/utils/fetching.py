"""One file from the network, kept in the cache."""

from __future__ import annotations

import hashlib
import os
import shutil
import tarfile
import tempfile
import urllib.parse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from cnnfast.utils import cache
from cnnfast.utils.arguments import one_of

_LARGEST = 1 << 36  # bytes; what is longer is no file for a laptop
_LENGTHS = {32: "md5", 40: "sha1", 64: "sha256", 128: "sha512"}


def get_file(
    fname: str | None = None,
    origin: str | None = None,
    untar: bool = False,
    md5_hash: str | None = None,
    file_hash: str | None = None,
    cache_subdir: str = "datasets",
    hash_algorithm: str = "auto",
    extract: bool = False,
    archive_format: Any = "auto",
    cache_dir: str | os.PathLike[str] | None = None,
    force_download: bool = False,
) -> str:
    """Fetches a file unless it is there, and returns its path.

    It appears only when it is complete, and was checked where a hash is given; a broken download is resumed.

    Args:
        fname: Its name; None takes that of the address.
        origin: An https address; an http one only with a hash.
        untar: As `extract`.
        md5_hash: The MD5 of its content; `file_hash` of a better kind is safer.
        file_hash: The hash of its content.
        cache_subdir: The folder within the cache.
        hash_algorithm: "md5", "sha1", "sha256" or "sha512"; "auto" goes by the hash's length.
        extract: Whether it is an archive to be unpacked; the folder's path is then returned.
        archive_format: "tar", "zip", or "auto", which goes by its content.
        cache_dir: The cache; None is cnnfast's own.
        force_download: Whether to fetch it although it is there.

    Raises:
        ValueError: If an argument does not suit, or what came has another hash.
        OSError: If it cannot be fetched.

    Source:
        Keras 3, `keras.utils.get_file`.

    Example:
        >>> get_file(origin="https://example.org/data.zip", extract=True)  # doctest: +SKIP
        '/home/me/.cache/cnnfast/datasets/data_extracted'
    """
    from cnnfast.datasets._download import download, is_there

    address = urllib.parse.urlsplit(origin or "")
    wanted = _hash(file_hash or md5_hash, "md5" if file_hash is None else hash_algorithm)
    if address.scheme not in ("http", "https") or (address.scheme == "http" and wanted is None):
        raise ValueError(f"origin must be an https address, or an http one with file_hash, got {origin!r}")
    name = fname or os.path.basename(address.path)
    if not name or Path(name).name != name:
        raise ValueError(f"fname must be the plain name of a file, got {name!r}")
    folder = (cache.cache_folder() if cache_dir is None else Path(cache_dir).expanduser()) / cache_subdir
    path = folder / name

    def check(part: Path) -> None:
        if wanted is not None:
            check_digest(part, *wanted)

    if force_download:
        path.unlink(missing_ok=True)
    if not is_there(path, check):
        path.unlink(missing_ok=True)
        download(str(origin), path, _LARGEST, check)
    return str(_extracted(path, archive_format) if extract or untar else path)


def _hash(value: str | None, algorithm: str) -> tuple[str, str] | None:
    if value is None:
        return None
    one_of(algorithm, "hash_algorithm", ("auto", *_LENGTHS.values()))
    known = _LENGTHS.get(len(value)) if algorithm == "auto" else algorithm
    if known is None:
        raise ValueError(f"file_hash is none that is known by its length: {value!r}; say hash_algorithm")
    return known, value.lower()


def find_or_fetch(
    name: str,
    subfolder: str,
    kept: Path,
    home: str,
    max_bytes: int,
    check: Callable[[Path], None],
    folders: Sequence[Path] | None = None,
) -> Path:
    """Returns the path of a file: in `$CNNFAST_DATA`, in the cache, or fetched there.

    Args:
        name: The file's.
        subfolder: The folder in `$CNNFAST_DATA` that has it.
        kept: The folder in the cache.
        home: The address that has it, up to its name.
        max_bytes: What is longer is not fetched.
        check: Raises ValueError if a file is not what was wanted.
        folders: The only folders to look in.

    Raises:
        FileNotFoundError: If no place has it; lists the places and what each answered.

    Example:
        >>> find_or_fetch("a.bin", "sets", Path(), "", 0, print, [Path("/nowhere")])
        Traceback (most recent call last):
        FileNotFoundError: No usable copy of a.bin was found. Looked in:
          /nowhere: no a.bin there
        Put it into FOLDER/sets/ and set CNNFAST_DATA=FOLDER, or try again with a network connection.
    """
    own, answers = os.environ.get("CNNFAST_DATA"), []
    for folder in [*([Path(own) / subfolder] if own else []), kept] if folders is None else folders:
        path = folder / name
        try:
            if not path.is_file():
                raise FileNotFoundError(f"no {name} there")
            check(path)
        except (OSError, ValueError) as error:
            answers.append(f"  {folder}: {error}")
        else:
            return path
    if folders is None:
        from cnnfast.datasets import _download

        try:
            _download.download(home + name, kept / name, max_bytes, check)
        except OSError as error:
            answers.append(f"  {home}: {error}")
        else:
            return kept / name
    raise FileNotFoundError(
        f"No usable copy of {name} was found. Looked in:\n"
        + "\n".join(answers)
        + f"\nPut it into FOLDER/{subfolder}/ and set CNNFAST_DATA=FOLDER, or try again with a network "
        "connection."
    )


def check_digest(path: Path, algorithm: str, wanted: str) -> None:
    """Refuses a file whose content has another digest.

    Args:
        path: The file.
        algorithm: A name that `hashlib` knows.
        wanted: The digest in hexadecimal digits, in lower case; or its first digits, where no more are known.

    Raises:
        ValueError: If it is another one.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     empty = Path(folder, "empty")
        ...     empty.touch()
        ...     check_digest(empty, "md5", "d41d8cd98f00b204e9800998ecf8427e")
    """
    digest = hashlib.new(algorithm)
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    if not digest.hexdigest().startswith(wanted):
        raise ValueError(
            f"{path.name} is damaged or another file: its {algorithm} is {digest.hexdigest()}, not {wanted}"
        )


def _extracted(path: Path, archive_format: Any) -> Path:
    """Unpacks beside the archive, in a folder that appears only when all is there."""
    target = path.with_name(f"{path.name.split('.')[0]}_extracted")
    if target.is_dir() and target.stat().st_mtime >= path.stat().st_mtime:
        return target
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        made = Path(folder, "made")
        if archive_format in ("auto", "tar") and tarfile.is_tarfile(path):
            with tarfile.open(path) as archive:
                archive.extractall(made, filter="data")  # nothing outside, no devices, no links that lead out
        else:
            made.mkdir()
            shutil.unpack_archive(str(path), made, "zip")  # which leaves out what would go outside
        shutil.rmtree(target, ignore_errors=True)
        os.replace(made, target)
    return target
