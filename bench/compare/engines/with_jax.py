"""JAX: a jitted training step, channels last (the fastest on its CPU backend), state given back to reuse."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from bench.compare import networks, reference
from bench.compare.networks import Layer, Network, has_weights
from jax import lax
from numpy.typing import NDArray

_SEED = 0


def make(threads: int) -> JaxEngine:
    """JAX has no setting for its threads: its pool is as large as the set of cores the process may use."""
    cores = len(os.sched_getaffinity(0))
    if cores != threads:
        raise RuntimeError(f"JAX would use {cores} threads, one a core; {threads} were asked for")
    return JaxEngine()


class JaxEngine:
    """The network as a function of its parameters."""

    def versions(self) -> dict[str, str]:
        """Version of JAX."""
        return {"jax": jax.__version__}

    def predictor(
        self, network: Network, weights: list[NDArray[Any]], x: NDArray[Any]
    ) -> Callable[[], NDArray[Any]]:
        """Refused: JAX is here for its training step."""
        raise NotImplementedError("JAX is compared in training only")

    def trainer(
        self, network: Network, weights: list[NDArray[Any]], x: NDArray[Any], y: NDArray[Any]
    ) -> Callable[[], float]:
        """Forward, gradient and update in one compiled call."""
        batch, labels = jnp.asarray(networks.channels_last_samples(x)), jnp.asarray(y)
        params = [jnp.asarray(w) for w in networks.channels_last_weights(network, weights)]
        zeros = [jnp.zeros_like(p) for p in params]
        state = (params, zeros, [jnp.zeros_like(p) for p in params], jnp.zeros((), jnp.int32))
        update = _adam if network.optimizer == "adam" else _sgd(reference.MOMENTUM[network.optimizer])

        def loss_of(params: Any, key: Any) -> Any:
            log_probs = jax.nn.log_softmax(_forward(network, params, batch, key))
            return -jnp.take_along_axis(log_probs, labels[:, None], 1).mean()

        def step(state: Any) -> Any:
            key = jax.random.fold_in(jax.random.key(_SEED), state[3])
            loss, grads = jax.value_and_grad(loss_of)(state[0], key)
            return loss, update(state, grads)

        run = jax.jit(step, donate_argnums=0)

        def call() -> float:
            nonlocal state
            loss, state = run(state)
            return float(loss)

        return call


def _forward(network: Network, params: list[Any], x: Any, key: Any) -> Any:
    source = iter(params)
    for layer in network.layers:
        if has_weights(layer):
            kernel, bias = next(source), next(source)
            x = (_conv(layer, x, kernel) if layer["type"] == "conv2d" else x @ kernel) + bias
        elif layer["type"] == "dropout":
            key, own = jax.random.split(key)
            kept = jax.random.bernoulli(own, 1 - layer["rate"], x.shape)
            x = jnp.where(kept, x / (1 - layer["rate"]), 0)
        elif layer["type"] == "flatten":
            x = x.reshape(len(x), -1)
        else:
            x = _pool(layer, x)
        if "activation" in layer:
            x = {"relu": jax.nn.relu, "tanh": jnp.tanh}[layer["activation"]](x)
    return x


def _conv(layer: Layer, x: Any, kernel: Any) -> Any:
    _, stride, padding, groups = networks.geometry(layer)
    return lax.conv_general_dilated(
        x,
        kernel,
        (stride, stride),
        [(padding, padding)] * 2,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=groups,
    )


def _pool(layer: Layer, x: Any) -> Any:
    size, stride = networks.window(layer)
    shape, strides = (1, size, size, 1), (1, stride, stride, 1)
    if layer["type"] == "max_pool2d":
        return lax.reduce_window(x, -jnp.inf, lax.max, shape, strides, "VALID")
    return lax.reduce_window(x, 0.0, lax.add, shape, strides, "VALID") / size**2


def _adam(state: Any, grads: list[Any]) -> Any:
    params, m, v, step = state
    step = step + 1
    b1, b2 = reference.BETA_1, reference.BETA_2
    m = [b1 * old + (1 - b1) * g for old, g in zip(m, grads, strict=True)]
    v = [b2 * old + (1 - b2) * g * g for old, g in zip(v, grads, strict=True)]
    of_m, of_v = 1 / (1 - b1**step), 1 / (1 - b2**step)
    params = [
        p - reference.LEARNING_RATE * of_m * a / (jnp.sqrt(of_v * b) + reference.EPSILON)
        for p, a, b in zip(params, m, v, strict=True)
    ]
    return params, m, v, step


def _sgd(momentum: float) -> Callable[[Any, list[Any]], Any]:
    def update(state: Any, grads: list[Any]) -> Any:
        params, velocity, unused, step = state
        velocity = [
            momentum * old - reference.LEARNING_RATE * g for old, g in zip(velocity, grads, strict=True)
        ]
        return [p + v for p, v in zip(params, velocity, strict=True)], velocity, unused, step + 1

    return update
