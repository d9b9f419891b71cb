"""One file from the network, kept in the cache."""

from __future__ import annotations

import hashlib
import os
import shutil
import tarfile
import tempfile
import urllib.parse
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from cnnfast.utils import cache
from cnnfast.utils.arguments import one_of

T = TypeVar("T")
Place = tuple[str, Callable[[], T]]  # what it is called, and what brings a file or raises why not

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

    It appears only when it is complete. Where a hash is given it is checked, and a broken download goes on.

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
        ValueError: If an argument does not suit.
        OSError: If it cannot be fetched, or what came has another hash; names the address.

    Source:
        Keras 3, `keras.utils.get_file`.

    Example:
        >>> get_file(origin="https://example.org/data.zip", extract=True)  # doctest: +SKIP
        '/home/me/.cache/cnnfast/datasets/data_extracted'
    """
    from cnnfast.datasets._download import DownloadError, download, is_there

    address = urllib.parse.urlsplit(origin or "")
    wanted = _hash(file_hash or md5_hash, "md5" if file_hash is None else hash_algorithm)
    if address.scheme not in ("http", "https") or (address.scheme == "http" and wanted is None):
        raise ValueError(f"origin must be an https address, or an http one with file_hash, got {origin!r}")
    name = fname or os.path.basename(address.path)
    if not name or Path(name).name != name:
        raise ValueError(f"fname must be the plain name of a file, got {name!r}")
    folder = Path(cache.cache_folder() if cache_dir is None else os.path.expanduser(cache_dir), cache_subdir)
    path = folder / name

    def check(part: Path) -> None:
        if wanted is not None:
            check_digest(part, *wanted)

    if force_download:
        path.unlink(missing_ok=True)
    if not is_there(path, check):
        try:
            download(str(origin), path, _LARGEST, check, resume=wanted is not None)
        except DownloadError as error:
            raise DownloadError(f"{origin} cannot be fetched: {error}") from error
    return str(_extracted(path, archive_format) if extract or untar else path)


def _hash(value: str | None, algorithm: str) -> tuple[str, str] | None:
    if value is None:
        return None
    one_of(algorithm, "hash_algorithm", ("auto", *_LENGTHS.values()))
    known = _LENGTHS.get(len(value)) if algorithm == "auto" else algorithm
    if known is None:
        raise ValueError(f"file_hash is none that is known by its length: {value!r}; say hash_algorithm")
    return known, value.lower()


def first(
    name: str,
    subfolder: str,
    kept: Path,
    data_dir: str | os.PathLike[str] | None,
    from_folder: Callable[[Path], T],
    others: Iterable[Place[T]],
) -> tuple[T, str]:
    """Returns what the first place brings that has a file, and what that place is called.

    Args:
        name: The file's.
        subfolder: The folder in `$CNNFAST_DATA` that has it.
        kept: The folder in the cache.
        data_dir: The only folder to look in, itself or its subfolder; None looks everywhere.
        from_folder: Brings it from a folder, or raises why not.
        others: The places besides folders.

    Raises:
        FileNotFoundError: If no place has it; lists the places and what each answered.

    Example:
        >>> first("a.bin", "sets", Path(), None, lambda folder: b"it", [])[0]
        b'it'
    """
    if data_dir is None:
        own = os.environ.get("CNNFAST_DATA")
        folders = [*([Path(own) / subfolder] if own else []), kept]
        advice = f"Put it into FOLDER/{subfolder}/ and set CNNFAST_DATA=FOLDER, or try again with a network "
        advice += "connection."
    else:
        folders, others = [Path(data_dir) / subfolder, Path(data_dir)], ()
        advice = "Put it there, or leave the folder out to have it looked for everywhere."
    places: list[Place[T]] = [(str(folder), partial(from_folder, folder)) for folder in folders]
    told = [f"No usable copy of {name} was found. Looked in:"]
    for place, bring in [*places, *others]:
        try:
            return bring(), place
        except (OSError, ValueError, ImportError) as error:
            told.append(f"  {place}: {error}")
    raise FileNotFoundError("\n".join([*told, advice]))


def find_or_fetch(
    name: str,
    subfolder: str,
    kept: Path,
    data_dir: str | os.PathLike[str] | None,
    home: str,
    max_bytes: int,
    check: Callable[[Path], None],
) -> Path:
    """Returns the path of a file, which is fetched into the cache where no folder has it.

    Args:
        name: The file's.
        subfolder: As for `first`.
        kept: As for `first`.
        data_dir: As for `first`.
        home: The address that has it, up to its name.
        max_bytes: What is longer is not fetched.
        check: Raises ValueError if a file is not what was wanted.

    Raises:
        FileNotFoundError: As `first`.

    Example:
        >>> find_or_fetch("a.bin", "sets", Path(), "/nowhere", "", 0, print)
        Traceback (most recent call last):
        FileNotFoundError: No usable copy of a.bin was found. Looked in:
          /nowhere/sets: no a.bin there
          /nowhere: no a.bin there
        Put it there, or leave the folder out to have it looked for everywhere.
    """

    def in_folder(folder: Path) -> Path:
        if not (folder / name).is_file():
            raise FileNotFoundError(f"no {name} there")
        check(folder / name)
        return folder / name

    def from_home() -> Path:
        from cnnfast.datasets import _download  # urllib and tqdm cost 25 ms

        _download.download(home + name, kept / name, max_bytes, check)
        return kept / name

    return first(name, subfolder, kept, data_dir, in_folder, [(home, from_home)])[0]


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
    stem = path.stem.removesuffix(".tar")  # of versions in names, as in "set-1.2.zip", each has its folder
    target = path.with_name(f"{stem}_extracted")
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
