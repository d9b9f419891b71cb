"""Where files are kept between processes."""

from __future__ import annotations

import os


def cache_folder() -> str:
    """Returns the user's cache folder of cnnfast: in `$XDG_CACHE_HOME`, else in `~/.cache`."""
    return os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "cnnfast")
