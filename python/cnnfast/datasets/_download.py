"""One file over HTTP(S) into a path: timeouts, resuming, a size limit, an atomic arrival."""

import glob
import hashlib
import http
import http.client
import os
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tqdm import tqdm

from cnnfast.models.files import locked, naming, try_lock

# A stalled connection is given up after this long without a byte; a slow one is not.
_TIMEOUT_SECONDS = 20.0
_CHUNK_BYTES = 1 << 16
# Each try goes on where the one before broke off, so a few are enough for a shaky line.
_ATTEMPTS = 3


class DownloadError(OSError):
    """A file could not be fetched from one address; another address may still have it."""


def download(
    url: str,
    path: Path,
    max_bytes: int,
    check: Callable[[Path], None],
    begins: bytes = b"",
    resume: bool = True,
) -> None:
    """Fetches `url` into `path`, which appears only when it is complete and checked.

    What has arrived is kept in a `.part` file beside `path`, one for each address because mirrors may
    compress the same content differently, and a later call goes on from there. A broken connection is taken
    up again, but only if it brought something: without a network the answer comes soon.

    One process at a time writes a `.part` file. Others wait for it; then there is the file, or they go on.

    Args:
        url: an http or https address.
        path: where the file is to be; its folder is made.
        max_bytes: a longer file is refused while it arrives.
        check: raises ValueError if the file given to it is not what was wanted.
        begins: the file's first bytes, where they are known; what begins otherwise is not kept.
        resume: whether to go on from what has arrived: only where `check` would find out that the beginning
            and the rest are of two versions of the file.

    Raises:
        DownloadError: the reasons, one for each try.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{hashlib.sha256(url.encode()).hexdigest()[:8]}.part")
    with locked(part):
        try:
            if not is_there(path, check):  # another process may have been first
                _fetch(url, part, max_bytes, check, resume)
                os.replace(part, path)
                _remove_other_parts(path)
        finally:
            if part.exists() and not (resume and _worth_keeping(part, begins)):
                part.unlink()


def is_there(path: Path, check: Callable[[Path], None]) -> bool:
    """Whether a file is there, and what was wanted."""
    if not path.is_file():
        return False
    try:
        check(path)
    except (OSError, ValueError):
        return False
    return True


def _worth_keeping(part: Path, begins: bytes) -> bool:
    with part.open("rb") as file:
        first = file.read(max(1, len(begins)))
    return bool(first) and first.startswith(begins)


def _remove_other_parts(path: Path) -> None:
    """Removes what other addresses sent of a file that is now there, unless a process is at it."""
    for part in path.parent.glob(f"{glob.escape(path.name)}.*.part"):
        with suppress(OSError), part.open("rb") as file:  # another user's, or gone already
            if try_lock(file):
                part.unlink()


def _fetch(url: str, part: Path, max_bytes: int, check: Callable[[Path], None], resume: bool) -> None:
    reasons: list[str] = []
    for _ in range(_ATTEMPTS):
        if not resume:
            os.truncate(part, 0)
        have = part.stat().st_size
        try:
            _fetch_rest(url, part, have, max_bytes)
            check(part)
        except urllib.error.HTTPError as error:
            reasons.append(f"HTTP status {error.code} {error.reason}")
            retry = wrong = error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
        except ValueError as error:
            reasons.append(str(error))
            # The old part and the new rest may belong to different versions of the file.
            retry, wrong = have > 0, True
        except (OSError, http.client.HTTPException) as error:
            reasons.append(str(error) or type(error).__name__)
            retry, wrong = part.stat().st_size > have, False
        else:
            return
        if wrong:
            os.truncate(part, 0)
        if not retry:
            break
    raise DownloadError("; then ".join(dict.fromkeys(reasons)))


def _fetch_rest(url: str, part: Path, have: int, max_bytes: int) -> None:
    """Appends to `part`, which has the first `have` bytes, what it lacks of `url`."""
    request = urllib.request.Request(url, headers={"User-Agent": "cnnfast"})
    if have:
        request.add_header("Range", f"bytes={have}-")
    with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as response:
        wants_page = urllib.parse.urlsplit(url).path.endswith((".html", ".htm"))
        if response.headers.get_content_type() == "text/html" and not wants_page:
            raise DownloadError("a web page came instead of the file; a network may want you to log in")
        # A server that does not resume sends everything again.
        if response.status != http.HTTPStatus.PARTIAL_CONTENT:
            have = 0
        length = response.headers.get("Content-Length")
        total = have + int(length) if length is not None else None
        if total is not None and total > max_bytes:
            raise ValueError(f"the file there has {total} bytes, more than the {max_bytes} that it can have")
        _append(response, part, have, total, max_bytes)


def _append(
    response: http.client.HTTPResponse, part: Path, have: int, total: int | None, max_bytes: int
) -> None:
    # disable=None: a progress line on a terminal, silence elsewhere.
    progress = tqdm(
        desc=part.name.split(".")[0],
        initial=have,
        total=total,
        unit="B",
        unit_scale=True,
        disable=None,
        leave=False,
    )
    with naming(part), open(part, "ab" if have else "wb") as file, progress:
        while chunk := _read(response):
            have += len(chunk)
            if have > max_bytes:
                raise ValueError(f"the file there has more than the {max_bytes} bytes that it can have")
            file.write(chunk)
            progress.update(len(chunk))
        file.flush()
        os.fsync(file.fileno())
    if total is not None and have < total:
        raise ConnectionError(f"the connection broke after {have} of {total} bytes")


def _read(response: http.client.HTTPResponse) -> bytes:
    try:
        return response.read(_CHUNK_BYTES)
    except OSError as error:  # of the line, which `naming` is not to take for the disk's
        raise ConnectionError(str(error) or type(error).__name__) from error
