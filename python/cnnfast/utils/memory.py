"""How much memory there is."""

from __future__ import annotations

import os


def free_bytes() -> int:
    """Returns the bytes that can be taken without swapping.

    Example:
        >>> free_bytes() > 1 << 20
        True
    """
    with open("/proc/meminfo") as file:
        for line in file:
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")  # of Linux before 3.14
