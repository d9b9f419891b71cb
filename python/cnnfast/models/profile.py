"""Where the time of one run goes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from cnnfast import _core
from cnnfast.utils.table import table_lines

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cnnfast._core import Network

Bound = Literal["arithmetic", "memory", "overhead", "unknown"]

_HEADER = ("Layer", "Direction", "Algorithm", "Bound by", "Time", "Share", "GFLOP/s", "% of peak")
_TEXTS = 4  # of the header's columns
_SHARE_THAT_BINDS = 0.5
_OF_THE_OPTIMIZER = ("regularize", "clip", "update", "constrain")


@dataclass(frozen=True)
class ProfileRow:
    """One direction of one layer.

    Attributes:
        layer: The layer's name, or "optimizer".
        direction: "forward", "backward data", "backward weights", or what else the engine does for the layer.
        algorithm: What computed it, or "" where there is no choice.
        seconds: Its time.
        flops: Operations of the direct computation, a multiply-add counted as two; 0 where none are counted.
        bytes: Size of the arrays that it worked on.
        gflops: Effective GFLOP/s, `flops / seconds / 1e9`; an algorithm that needs fewer operations than the
            direct one may exceed the peak.
        share_of_peak: The same as a share of the measured float32 peak of all cores used; NaN on a GPU.
        bound: "arithmetic" or "memory" if the operations at the measured peak, or the bytes at the measured
            bandwidth, whichever take longer, explain at least half of the time; else "overhead". On a GPU,
            whose peak nobody measured, "unknown".
    """

    layer: str
    direction: str
    algorithm: str
    seconds: float
    flops: float
    bytes: float
    gflops: float
    share_of_peak: float
    bound: Bound


@dataclass(frozen=True)
class Profile:
    """One timed run; `print` shows it as a table.

    Attributes:
        rows: In the order of execution; their times add up to the whole: waking the
            threads counts with the first, waiting for all of them with the last.
        seconds: The whole run.
        batch_size: Samples in it.
        threads: Threads that ran it.
        peak: Measured float32 operations a second of one core; NaN on a GPU.
        bandwidth: Measured bytes a second that one core reads from memory; NaN on a GPU.
        device: Where it ran. On a GPU each step is launched and waited for alone: in training they follow
            each other without that.
    """

    rows: tuple[ProfileRow, ...]
    seconds: float
    batch_size: int
    threads: int
    peak: float
    bandwidth: float
    device: str = "cpu"

    def __str__(self) -> str:
        rows = [
            (
                row.layer,
                row.direction,
                row.algorithm or "-",
                row.bound,
                f"{1e6 * row.seconds:,.1f} us",
                f"{100 * row.seconds / self.seconds:.1f} %",
                f"{row.gflops:,.1f}" if row.flops else "-",
                f"{100 * row.share_of_peak:.0f}" if row.flops and row.bound != "unknown" else "-",
            )
            for row in self.rows
        ]
        table, time = table_lines(_HEADER, rows, left=_TEXTS), f"{1e6 * self.seconds:,.1f} us"
        if self.device != "cpu":
            return "\n".join([*table, f"{time} for {self.batch_size} sample(s) on {self.device}"])
        measured = f"{self.peak / 1e9:.1f} GFLOP/s, {self.bandwidth / 1e9:.1f} GB/s of memory"
        return "\n".join(
            [
                *table,
                f"{time} for {self.batch_size} sample(s) on {self.threads} thread(s)",
                f"Measured, a core: {measured}",
            ]
        )


def profile(
    network: Network, arrays: list[NDArray[Any]], mode: Literal["predict", "train"], runs: int
) -> Profile:
    """Returns the profile of the fastest of some runs on one batch."""
    samples, on_cpu = len(arrays[0]), network.device == "cpu"
    peak, bandwidth = _core.measured_machine() if on_cpu else (math.nan, math.nan)
    seconds, step_seconds, threads = network.profile(arrays, mode, runs)
    if on_cpu:
        # A core's clock and its neighbours change: a peak of a slow moment would put layers above it.
        peak = max(peak, _core.measure_flops())
    steps = network.plan(samples, mode)
    groups: dict[tuple[str, str], list[tuple[dict[str, Any], float]]] = {}
    for step, time in zip(steps, step_seconds, strict=True):
        if time > 0:
            optimizes = step["direction"] in _OF_THE_OPTIMIZER
            layer = "optimizer" if optimizes else step["name"].split("/")[0]
            groups.setdefault((layer, step["direction"]), []).append((step, time))
    rows = tuple(_row(*key, group, threads * peak, threads * bandwidth) for key, group in groups.items())
    return Profile(rows, seconds, samples, threads, peak, bandwidth, network.device)


def _row(
    layer: str, direction: str, group: list[tuple[dict[str, Any], float]], peak: float, bandwidth: float
) -> ProfileRow:
    seconds = sum(time for _, time in group)
    flops = max(step["flops"] for step, _ in group)  # each step of an algorithm names all of them
    size = sum(step["bytes"] for step, _ in group)
    algorithm = ", ".join(dict.fromkeys(step["algorithm"] for step, _ in group if step["algorithm"]))
    shares: dict[Bound, float] = {
        "arithmetic": flops / peak / seconds,
        "memory": size / bandwidth / seconds,
    }
    larger = max(shares, key=lambda name: shares[name])
    bound: Bound = larger if shares[larger] >= _SHARE_THAT_BINDS else "overhead"
    if math.isnan(peak):
        bound = "unknown"
    rate = flops / seconds
    return ProfileRow(layer, direction, algorithm, seconds, flops, size, rate / 1e9, rate / peak, bound)
