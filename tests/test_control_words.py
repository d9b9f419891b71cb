"""Branches, loops, gradients of one's own, and what is an array: on arrays, and on what stands for them."""

from typing import Any

import numpy as np
import pytest

from cnnfast import Model, Sequential, ops
from cnnfast.layers import Dense, Input, Lambda

X = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)


def _predict(function: Any) -> Any:
    source = Input((3,))
    return Model(source, function(source)).predict(X, verbose=0)


def test_branches() -> None:
    assert ops.cond(True, lambda: 1, lambda: 2) == 1
    assert [ops.switch(i, [lambda: "a", lambda: "b", lambda: "c"]) for i in (-5, 1, 9)] == ["a", "b", "c"]
    made = _predict(lambda x: ops.cond(x > 0, lambda: {"y": x * 2}, lambda: {"y": x - 1})["y"])
    np.testing.assert_array_equal(made, np.where(X > 0, X * 2, X - 1))
    made = _predict(lambda x: ops.switch(ops.round(x), [lambda x: -x, lambda x: x, lambda x: x * 2], x))
    index = np.clip(np.round(X), 0, 2)
    np.testing.assert_array_equal(made, np.where(index == 0, -X, np.where(index == 1, X, X * 2)))
    with pytest.raises(ValueError, match="one form"):
        _predict(lambda x: ops.cond(x > 0, lambda: (x, x), lambda: x))


def test_loops() -> None:
    assert ops.while_loop(lambda i, x: i < 3, lambda i, x: (i + 1, x * 2), (0, 1)) == (3, 8)
    assert ops.while_loop(lambda x: x < 100, lambda x: x * 2, 1, maximum_iterations=3) == 8
    assert ops.fori_loop(2, 5, lambda i, x: x + i, 0) == 9
    np.testing.assert_allclose(
        _predict(lambda x: ops.fori_loop(0, 3, lambda i, y: y * x, x)), X**4, rtol=1e-6
    )
    made = _predict(lambda x: ops.while_loop(lambda y: y < 2, lambda y: y + 1, x, maximum_iterations=9))
    want = X.copy()
    for _ in range(9):
        want = np.where(want < 2, want + 1, want)
    np.testing.assert_allclose(made, want, rtol=1e-6)
    with pytest.raises(ValueError, match="give maximum_iterations"):
        _predict(lambda x: ops.while_loop(lambda y: y < 2, lambda y: y + 1, x))


def test_along_an_axis() -> None:
    last, sums = ops.scan(lambda c, x: (c + x["a"], {"s": c + x["a"]}), np.zeros(3), {"a": X}, reverse=True)
    np.testing.assert_allclose(last, X.sum(0), rtol=1e-6)
    np.testing.assert_allclose(sums["s"], np.cumsum(X[::-1], 0)[::-1], rtol=1e-5)
    assert ops.scan(lambda c, _: (c + 1, None), 0, length=5) == (5, None)
    np.testing.assert_allclose(ops.map(lambda x: x[0] * x[1], (X, X)), X * X)
    slope = ops.grad(lambda x: ops.scan(lambda c, row: (c * row, c), np.ones(3), x)[0])
    np.testing.assert_allclose(slope(X), X.prod(0) / X, rtol=1e-5)
    with pytest.raises(ValueError, match="equally long"):
        ops.map(lambda x: x[0], (X, X[:2]))
    with pytest.raises(ValueError, match="batch"):
        ops.map(lambda x: x, Input((3,)))
    with pytest.raises(TypeError, match="function"):
        ops.scan(1, X)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="length"):
        ops.scan(lambda c, x: (c, x), 0)


def test_a_gradient_of_ones_own() -> None:
    @ops.custom_gradient
    def product(x: Any, y: Any) -> Any:
        return x * y, lambda upstream: (2 * upstream * y, np.zeros_like(x))

    np.testing.assert_array_equal(product(X, X), X * X)
    by_x, by_y = ops.grad(product, (0, 1))(X, X + 1)
    np.testing.assert_allclose(by_x, 2 * (X + 1))
    assert not by_y.any()

    @ops.custom_gradient
    def stable(x: Any) -> Any:  # log(1 + exp(x)), whose own slope is no number where that overflows
        return ops.log(1 + ops.exp(x)), lambda upstream: upstream * (1 - 1 / (1 + ops.exp(x)))

    assert ops.grad(stable)(np.array([100.0])) == 1
    net = Sequential([Input((3,)), Dense(4), Lambda(stable), Dense(1)])
    net.compile("sgd", "mse")
    before = net.get_weights()[0]
    net.fit(X, X[:, :1], verbose=0)
    assert (net.get_weights()[0] != before).any()


def test_what_is_an_array() -> None:
    assert ops.is_tensor(X)
    assert ops.is_tensor(Input((3,)))
    assert not ops.is_tensor([1.0])
    assert ops.convert_to_tensor([1, 2]).dtype == np.int32
    assert ops.convert_to_tensor([1.0]).dtype == np.float32
    assert ops.convert_to_tensor(X.astype(np.float64)).dtype == np.float64
    assert ops.convert_to_tensor(X, "int32").dtype == np.int32
    source = Input((3,))
    assert ops.convert_to_tensor(source) is source
    assert ops.dtype(X) == ops.dtype(source) == "float32"
    copy = ops.convert_to_numpy(X)
    copy[:] = 0
    assert X.any()
    with pytest.raises(ValueError, match="stands for"):
        ops.convert_to_numpy(source)
    np.testing.assert_array_equal(ops.saturate_cast([-3e9, 2.7, 3e9], "int32"), [-(2**31), 2, 2**31 - 128])


def test_refusals() -> None:
    with pytest.raises(ValueError, match="square"):
        ops.det(np.ones((2, 3)))
    with pytest.raises(ValueError, match=r"\(\.\.\., m\)"):
        ops.solve(np.eye(3), np.ones(4))
    with pytest.raises(ValueError, match="positive definite"):
        ops.cholesky(-np.eye(2))
    with pytest.raises(ValueError, match="mode"):
        ops.qr(X, "full")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="num_segments"):
        ops.grad(lambda x, ids: ops.segment_sum(x, ids))(X, np.zeros(4))
    with pytest.raises(IndexError):
        ops.scatter([[4]], [1.0], (4,))
    with pytest.raises(ValueError, match="do not fit"):
        ops.slice_update(X, (3, 0), X)
    with pytest.raises(ValueError, match="same names"):
        ops.rearrange(X, "a b -> a c")
    with pytest.raises(ValueError, match="3D windows"):
        ops.fold(X[None], 4, 3)
    with pytest.raises(ValueError, match="no room"):
        ops.unfold(X[None, None], 5)


def test_rubber() -> None:
    image = np.random.default_rng(1).uniform(size=(9, 8, 2)).astype(np.float32)
    one = ops.image.elastic_transform(image, 3.0, 1.0, seed=4, data_format="channels_last")
    np.testing.assert_array_equal(
        one, ops.image.elastic_transform(image[None], 3.0, 1.0, seed=4, data_format="channels_last")[0]
    )
    assert np.abs(one - image).max() > 0.01
    assert image.min() <= one.min() <= one.max() <= image.max()
    still = ops.image.elastic_transform(image, 0.0, 1.0, data_format="channels_last")
    np.testing.assert_allclose(still, image, rtol=1e-6)
    source = Input((2, 9, 8))
    made = Model(source, ops.image.elastic_transform(source, 3.0, 1.0, data_format="channels_first"))
    moved = made.predict(image.transpose(2, 0, 1)[None], verbose=0)
    assert image.min() <= moved.min() <= moved.max() <= image.max()


def test_groups_follow_from_the_kernel() -> None:
    x, kernel = np.ones((1, 4, 4, 6)), np.random.default_rng(2).normal(size=(2, 2, 3, 4))
    np.testing.assert_array_equal(ops.conv(x, kernel), ops.conv(x, kernel, groups=2))
    np.testing.assert_array_equal(ops.slice(X, (1, 1), (-1, 2)), X[1:, 1:3])


@pytest.mark.parametrize("mode", ["reduced", "complete"])
def test_factors(mode: Any) -> None:
    for x in (X, X.T, np.stack([X, 2 * X])):
        q, r = ops.qr(x, mode)
        np.testing.assert_allclose(q @ r, x, atol=1e-6)
        np.testing.assert_allclose(
            q.swapaxes(-1, -2) @ q, np.eye(q.shape[-1]) + np.zeros_like(q[..., :1, :1]), atol=1e-6
        )
        u, s, v = ops.svd(x, full_matrices=mode == "complete")
        k = s.shape[-1]
        np.testing.assert_allclose(u[..., :k] * s[..., None, :] @ v[..., :k, :], x, atol=1e-6)
        lu, pivots = ops.lu_factor(x)
        lower, upper = np.tril(lu, -1)[..., :k] + np.eye(lu.shape[-2], k), np.triu(lu)[..., :k, :]
        rows = np.array(x).reshape(-1, *x.shape[-2:])
        for matrix, exchanged in zip(rows, pivots.reshape(-1, k).astype(int), strict=True):
            for i, j in enumerate(exchanged):
                matrix[[i, j]] = matrix[[j, i]]
        np.testing.assert_allclose(lower @ upper, rows.reshape(x.shape), atol=1e-6)
