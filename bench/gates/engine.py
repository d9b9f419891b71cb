"""What the engine promises of its steps: bits do not depend on threads, memory is told before it is taken."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from bench.compare import networks
from bench.compare.engines import with_cnnfast
from bench.gates import Verdict

import cnnfast
from cnnfast import optimizers

STEPS = 3
BATCH = 128


def run() -> Iterator[Verdict]:
    """For each network: the weights after some steps on 1 and 2 threads, and the arena's size."""
    for name in networks.SMALL:
        one, told, taken = _train(name, threads=1)
        two, _, _ = _train(name, threads=2)
        yield Verdict(
            f"{name}, SHA-256 of the weights after {STEPS} steps on 1 and on 2 threads",
            f"{one[:12]} and {two[:12]}",
            "equal",
            one == two,
        )
        yield Verdict(
            f"{name}, training arena at batch {BATCH}, told before and taken",
            f"{told} and {taken} bytes",
            "equal",
            told == taken,
        )


def _train(name: str, threads: int) -> tuple[str, int, int]:
    before = cnnfast.get_num_threads()
    cnnfast.set_num_threads(threads)
    cnnfast.set_random_seed(1)
    net = networks.load(name)
    x, y = networks.samples(net, BATCH, seed=2)
    model, x = with_cnnfast.build(net, networks.he_weights(net, seed=1), x)
    model.compile(optimizer=optimizers.Adam(), loss=with_cnnfast.loss())
    told = model.memory(BATCH, training=True)
    for _ in range(STEPS):
        model.train_on_batch(x, y)
    digest = hashlib.sha256(b"".join(w.tobytes() for w in model.get_weights())).hexdigest()
    taken = model.network.arena_bytes
    cnnfast.set_num_threads(before)
    return digest, told, taken
