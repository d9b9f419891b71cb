"""A formula over a tensor in memory beside a copy of as many bytes, one thread."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
from bench.gates import Verdict

import cnnfast
from cnnfast import ops
from cnnfast.layers.tracing import Tracing
from cnnfast.ops.runner import workspace
from cnnfast.tuning import new_network

FLOATS = 16 << 20  # 64 MB
ROUNDS = 15
BAR = 0.85


def run() -> Iterator[Verdict]:
    """The formula's share of the copy's bandwidth: both read and write 64 MB, fastest of many turns."""
    threads = cnnfast.get_num_threads()
    cnnfast.set_num_threads(1)
    try:
        formula, copy = _seconds()
    finally:
        cnnfast.set_num_threads(threads)
    share = copy / formula
    yield Verdict(
        "formula of eight instructions on 64 MB, share of the copy bandwidth, one thread",
        f"{share:.2f}; {formula * 1e3:.1f} ms, copy {copy * 1e3:.1f} ms",
        f">= {BAR}",
        share >= BAR,
    )


def _seconds() -> tuple[float, float]:
    graph = Tracing()
    with graph.within():
        x = graph.value(graph.input((FLOATS,), "x", 0))
        out = ops.maximum(ops.abs(x) * 0.9 + x, 0.1 - x) * x * x + 0.5
    network = new_network(graph, [out.number], workspace())
    values = np.random.default_rng(1).normal(size=FLOATS).astype(np.float32)
    other = values.copy()
    step = [each["op"] for each in network.plan(1, "predict")].index("formula")
    formula = copy = float("inf")
    for _ in range(ROUNDS):
        formula = min(formula, network.profile([values], "predict", 1)[1][step])
        start = time.perf_counter()
        np.copyto(other, values)
        copy = min(copy, time.perf_counter() - start)
    return formula, copy
