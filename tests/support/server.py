"""A server on this machine, for downloads."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """Answers without telling of each request."""

    def log_message(self, *_: object) -> None:
        """Says nothing."""


def first_byte(wanted: str | None) -> int:
    """Where a request's range begins."""
    return int(wanted.split("=")[1].rstrip("-")) if wanted else 0


@contextmanager
def serving(handler: Any) -> Iterator[Any]:
    """Yields a server with an empty list `asked` and its address `url`, in a thread of its own."""
    running: Any = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    running.asked = []
    running.url = f"http://127.0.0.1:{running.server_port}/"
    thread = threading.Thread(target=running.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield running
    finally:
        running.shutdown()
        running.server_close()
        thread.join()
