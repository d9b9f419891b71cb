"""Products of matrices: forward against NumPy in float64, on arrays and in models, and backward against
numerical gradients; every instruction set; 1 against 3 threads; what is refused.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from cnnfast import Model, ops
from cnnfast.layers import Input
from cnnfast.layers.tracing import Tracing
from cnnfast.ops.runner import workspace
from cnnfast.tuning import new_network

Floats = NDArray[Any]
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Product:
    """One row: a function of ops and NumPy, the operands' shapes, and which of them begin with the batch."""

    name: str
    shapes: tuple[Shape, Shape]
    batches: tuple[bool, bool] = (False, False)
    options: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        marks = [str(s) + "b" * b for s, b in zip(self.shapes, self.batches, strict=True)]
        return "-".join((self.name, *marks, *(f"{k}={v}" for k, v in self.options.items())))

    def __call__(self, *x: Any) -> Any:
        return getattr(ops, self.name)(*x, **self.options)

    def oracle(self, *x: Floats) -> Floats:
        return np.asarray(getattr(np, self.name)(*(each.astype(float) for each in x), **self.options))

    def arguments(self) -> list[Floats]:
        rng = np.random.default_rng(len(str(self)))
        return [rng.normal(size=shape).astype(np.float32) for shape in self.shapes]


ONE, OTHER, BOTH = (True, False), (False, True), (True, True)
PRODUCTS = [
    Product("matmul", ((5, 7), (7, 3))),
    Product("matmul", ((1, 1), (1, 1))),
    Product("matmul", ((7,), (7, 3))),
    Product("matmul", ((5, 7), (7,))),
    Product("matmul", ((7,), (7,))),
    Product("matmul", ((2, 3, 5, 7), (7, 3))),
    Product("matmul", ((5, 7), (2, 3, 7, 4))),
    Product("matmul", ((2, 1, 5, 7), (3, 7, 4))),
    Product("matmul", ((2, 3, 5, 7), (2, 1, 7, 4))),
    Product("matmul", ((2, 3, 5, 7), (1, 3, 7, 4))),
    Product("matmul", ((7,), (2, 3, 7, 4))),
    Product("matmul", ((2, 3, 5, 7), (7,))),
    Product("matmul", ((33, 40), (40, 65))),
    Product("matmul", ((300, 20), (20, 150))),
    Product("matmul", ((3, 500), (500, 40))),
    Product("matmul", ((6, 7), (7, 3)), ONE),
    Product("matmul", ((6, 7), (7,)), ONE),
    Product("matmul", ((6, 5, 7), (7, 3)), ONE),
    Product("matmul", ((6, 5, 7), (7,)), ONE),
    Product("matmul", ((6, 2, 5, 7), (2, 7, 3)), ONE),
    Product("matmul", ((6, 2, 5, 7), (1, 1, 7, 3)), ONE),
    Product("matmul", ((6, 1, 5, 7), (4, 7, 3)), ONE),
    Product("matmul", ((6, 5, 7), (6, 7, 3)), BOTH),
    Product("matmul", ((1, 5, 7), (1, 7, 3)), BOTH),
    Product("matmul", ((1, 7), (7, 3)), ONE),
    Product("matmul", ((5, 7), (1, 7, 3)), OTHER),
    Product("matmul", ((19, 8, 16), (19, 16, 33)), BOTH),
    Product("matmul", ((6, 2, 5, 7), (6, 2, 7, 3)), BOTH),
    Product("matmul", ((6, 2, 5, 7), (6, 1, 7, 3)), BOTH),
    Product("matmul", ((5, 7), (6, 7, 3)), OTHER),
    Product("matmul", ((7,), (6, 7, 3)), OTHER),
    Product("matmul", ((2, 5, 7), (6, 1, 7, 3)), OTHER),
    Product("matmul", ((9, 30), (100, 30, 20)), OTHER),
    Product("dot", ((3,), (3,))),
    Product("dot", ((2, 5, 3), (3, 4))),
    Product("dot", ((2, 5, 3), (6, 3, 4))),
    Product("dot", ((6, 5, 3), (2, 3, 4)), ONE),
    Product("tensordot", ((6, 5, 3, 4), (3, 4, 2)), ONE),
    Product("tensordot", ((6, 5, 3, 4), (2, 4, 5)), ONE, {"axes": [[1, -1], [2, 1]]}),
    Product("tensordot", ((2, 3), (4, 5)), options={"axes": 0}),
    Product("tensordot", ((2, 3), (3, 5)), options={"axes": [1, 0]}),
    Product("inner", ((6, 5, 3), (2, 3)), ONE),
    Product("inner", ((3,), (3,))),
    Product("outer", ((2, 3), (4,))),
    Product("vdot", ((2, 3), (3, 2))),
]


def network(product: Product) -> Any:
    """Of one operation on inputs, with or without a batch axis."""
    graph = Tracing()
    with graph.within():
        values = [
            graph.value(graph.input(shape[1:] if batch else shape, "x", 1 if batch else 0))
            for shape, batch in zip(product.shapes, product.batches, strict=True)
        ]
        out = product(*values)
    return new_network(graph, [out.number], workspace())


def check(product: Product, x: list[Floats], got: Any) -> None:
    """As far off as float32 sums of so many terms may be."""
    want, sizes = product.oracle(*x), product.oracle(*(np.abs(each) for each in x))
    terms = max(max(shape) for shape in product.shapes)
    assert got.shape == want.shape
    assert (np.abs(got - want) <= 1e-7 * terms * sizes).all()


@pytest.mark.parametrize("product", PRODUCTS, ids=str)
def test_arrays(product: Product, isa: str) -> None:
    x = product.arguments()
    got = product(*x)
    assert got.dtype == np.float32
    check(product, x, got)


@pytest.mark.parametrize("product", [p for p in PRODUCTS if p.batches[0]], ids=str)
def test_symbolic_tensors(product: Product) -> None:
    x = product.arguments()
    given = list(zip(product.batches, x, strict=True))
    sources = [Input(each.shape[1:]) if batch else each for batch, each in given]
    made = Model([s for s in sources if not isinstance(s, np.ndarray)], product(*sources))
    samples = [each for batch, each in given if batch]
    check(product, x, made.predict(samples))
    copy = Model.from_config(made.get_config())
    np.testing.assert_array_equal(copy.predict(samples), made.predict(samples))


@pytest.mark.parametrize("product", PRODUCTS, ids=str)
def test_gradients(product: Product, isa: str) -> None:
    """Products are linear in each operand: a gradient is what the units make, of which some are tried."""
    x = product.arguments()
    rng = np.random.default_rng(1)
    weights = rng.normal(size=product.oracle(*x).shape).astype(np.float32)
    grads, _ = network(product).vjp(x, [weights])
    for i, grad in enumerate(grads):
        assert grad.shape == x[i].shape
        for place in rng.permutation(grad.size)[:200]:
            unit = [each.astype(float) for each in x]
            unit[i] = np.zeros_like(unit[i])
            unit[i].flat[place] = 1
            terms = weights * product.oracle(*unit)
            assert abs(grad.flat[place] - terms.sum()) <= 1e-7 * weights.size * np.abs(terms).sum() + 1e-6


@pytest.mark.parametrize(
    "product",
    [
        Product("matmul", ((260, 300), (300, 190))),
        Product("matmul", ((2600, 300), (300,))),
        Product("matmul", ((70, 60, 40), (40,)), ONE),
        Product("matmul", ((70, 60, 40), (40, 50)), ONE),
        Product("matmul", ((40, 60, 40), (40, 40, 50)), BOTH),
        Product("matmul", ((60, 40), (70, 40, 50)), OTHER),
        Product("matmul", ((3, 300, 40), (500, 1, 40, 5)), OTHER),
    ],
    ids=str,
)
def test_threads(product: Product, threads: Any, isa: str) -> None:
    x = product.arguments()
    weights = np.random.default_rng(1).normal(size=product.oracle(*x).shape).astype(np.float32)
    results = []
    for count in (1, 3):
        threads(count)
        grads, _ = network(product).vjp(x, [weights])
        results.append([product(*x), *grads])
    for one, three in zip(*results, strict=True):
        np.testing.assert_array_equal(one, three)


def test_a_vector_has_the_bits_of_a_column(isa: str) -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(137, 501)).astype(np.float32), rng.normal(size=(501, 33)).astype(np.float32)
    np.testing.assert_array_equal(ops.matmul(a, np.ascontiguousarray(b[:, 5])), ops.matmul(a, b)[:, 5])


def test_an_operand_twice() -> None:
    product = Product("matmul", ((4, 3, 3), (4, 3, 3)), BOTH)
    graph = Tracing()
    with graph.within():
        x = graph.value(graph.input((3, 3), "x"))
        net = new_network(graph, [(x @ x).number], workspace())
    (values, _), weights = product.arguments(), np.ones((4, 3, 3), np.float32)
    check(product, [values, values], net.predict([values])[0])
    grads, _ = net.vjp([values], [weights])
    turned = values.astype(float).transpose(0, 2, 1)
    np.testing.assert_allclose(grads[0], weights @ turned + turned @ weights, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("shapes", "batches", "message"),
    [
        (((2, 3), (4, 5)), (False, False), "must be equal; got 3 and 4"),
        (((), (3,)), (False, False), "both need an axis"),
        (((2, 2, 3), (3, 3, 4)), (False, False), "axes before the matrices must be equal"),
        (((5, 3), (5, 3)), BOTH, "sum over the samples of a batch"),
        (((5,), (5,)), BOTH, "sum over the samples of a batch"),
        (((4, 5), (5, 3)), OTHER, "sum over the samples of a batch"),
        (((5, 3), (2, 3, 4)), ONE, "the batch's axis must be one, and the product's first"),
        (((5, 3), (5, 3, 4)), BOTH, "the batch's axis must be one, and the product's first"),
        (((5, 2, 4, 3), (5, 3, 4)), BOTH, "axes before the matrices must be equal"),
        (((3, 1, 4, 3), (5, 3, 4)), OTHER, "the product's first"),
    ],
)
def test_refused(shapes: tuple[Shape, Shape], batches: tuple[bool, bool], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        network(Product("matmul", shapes, batches))


def test_tensordot_refuses() -> None:
    x = Input((3, 4))
    with pytest.raises(ValueError, match="is the batch's"):
        ops.tensordot(x, np.ones((5, 2)), axes=[[0], [0]])
    with pytest.raises(ValueError, match="may not have a batch axis"):
        ops.tensordot(np.ones((2, 3)), x, axes=[[1], [1]])
    with pytest.raises(ValueError, match="differ along axes"):
        ops.tensordot(x, np.ones((5, 2)), axes=[[1], [0]])
    with pytest.raises(ValueError, match="all numbers into one row"):
        ops.vdot(x, np.ones((5, 2)))


@pytest.mark.parametrize(
    ("subscripts", "shapes", "batches"),
    [
        ("ij,jk->ik", ((2, 3), (3, 4)), (False, False)),
        ("ij,jk", ((2, 3), (3, 4)), (False, False)),
        ("ab,cb->ca", ((2, 3), (4, 3)), (False, False)),
        ("i,i->", ((3,), (3,)), (False, False)),
        ("i,j->ji", ((3,), (4,)), (False, False)),
        ("ij,ij->ij", ((2, 3), (2, 3)), (False, False)),
        ("abc,cde->abde", ((7, 3, 4), (4, 2, 5)), ONE),
        ("abc,cd->adb", ((7, 3, 4), (4, 5)), ONE),
        ("bhd,hde->bhe", ((7, 2, 3), (2, 3, 4)), ONE),
        ("hde,bhd->bhe", ((2, 3, 4), (7, 2, 3)), OTHER),
        ("bqhd,bkhd->bhqk", ((7, 5, 2, 3), (7, 6, 2, 3)), BOTH),
        ("bhqk,bkhd->bqhd", ((7, 2, 5, 6), (7, 6, 2, 3)), BOTH),
        ("bi,bi->b", ((7, 3), (7, 3)), BOTH),
        ("bi,bj->bij", ((7, 3), (7, 4)), BOTH),
        ("i...,j...k->...ijk", ((2, 3, 4), (5, 3, 4, 6)), (False, False)),
        ("...ij,jk", ((7, 2, 5, 3), (3, 4)), ONE),
        ("...qd,...kd->...qk", ((7, 2, 5, 3), (7, 2, 6, 3)), BOTH),
        (",ij", ((), (2, 3)), (False, False)),
        ("abc,bd->ad", ((7, 3, 4), (3, 2)), ONE),
        ("dab,bc->ac", ((2, 5, 3), (3, 4)), (False, False)),
    ],
)
def test_einsum(subscripts: str, shapes: tuple[Shape, Shape], batches: tuple[bool, bool], isa: str) -> None:
    x = Product("matmul", shapes).arguments()
    want = np.einsum(subscripts, *(each.astype(float) for each in x))
    np.testing.assert_allclose(ops.einsum(subscripts, *x), want, rtol=1e-5, atol=1e-6)
    given = list(zip(batches, x, strict=True))
    sources = [Input(each.shape[1:]) if batch else each for batch, each in given]
    inputs = [s for s in sources if not isinstance(s, np.ndarray)]
    if not inputs:
        return
    made = Model(inputs, ops.einsum(subscripts, *sources))
    samples = [each for batch, each in given if batch]
    np.testing.assert_allclose(made.predict(samples), want, rtol=1e-5, atol=1e-6)
    copy = Model.from_config(made.get_config())
    np.testing.assert_array_equal(copy.predict(samples), made.predict(samples))


def test_einsum_of_one() -> None:
    x = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    np.testing.assert_array_equal(ops.einsum("abc->acb", x), x.transpose(0, 2, 1))
    np.testing.assert_array_equal(ops.einsum("bca", x), x.transpose(2, 0, 1))
    made = Model(source := Input((3, 4)), ops.einsum("abc->acb", source))
    np.testing.assert_array_equal(made.predict(x), x.transpose(0, 2, 1))


def test_einsum_of_three() -> None:
    rng = np.random.default_rng(3)
    x, y, z = (rng.normal(size=shape).astype(np.float32) for shape in ((7, 3, 4), (4, 5), (5, 6)))
    source = Input((3, 4))
    for subscripts in ("bij,jk,kl->bil", "bij,jk,kl->bl", "bij,jk,kl->blik"):
        want = np.einsum(subscripts, *(each.astype(float) for each in (x, y, z)))
        np.testing.assert_allclose(ops.einsum(subscripts, x, y, z), want, rtol=1e-5, atol=1e-5)
        made = Model(source, ops.einsum(subscripts, source, y, z))
        np.testing.assert_allclose(made.predict(x), want, rtol=1e-5, atol=1e-5)
    turned = Model(source, ops.einsum("jk,kl,bij->bil", y, z, source))
    np.testing.assert_allclose(turned.predict(x), np.einsum("jk,kl,bij->bil", y, z, x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("subscripts", "message"),
    [
        ("abc,bc->ca", "the batch's axis, which is the result's first"),
        ("abc,bc->c", "the batch's axis, which is the result's first"),
        ("abc,bb->ac", "none twice"),
        ("abc,b->ac", "a letter for each axis"),
        ("abc,cb->ac", "axes of the letter 'c' differ: 4 and 3"),
        ("a..,bc->ac", "each axis needs a letter"),
        ("a...b...,bc->ac", "none twice"),
        ("abc->abc", "as many groups of letters as operands"),
        ("abc,bc->acd", "must be an operand's"),
    ],
)
def test_einsum_refuses(subscripts: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ops.einsum(subscripts, Input((3, 4)), np.ones((3, 4)))
