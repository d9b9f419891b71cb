"""What several nodes of ONNX together mean: biases, activations and normalizations that are spelled out.

A pattern is a tree of operators, as ONNX's exporters write it. Leaves are names (the same name is the same
value), numbers (constants of that value) and names that begin with "%" (constants with a number a channel) or
"#" (any constant). What is inside of it may have no other use.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from cnnfast.io.onnx.reading import required

Found = dict[str, str]  # names of values by the pattern's leaves

_COMMUTES = ("Add", "Max", "Min", "Mul")
_RELU6 = [("Clip", ("Add", "x", 3.0), 0.0, 6.0), ("Min", ("Max", ("Add", "x", 3.0), 0.0), 6.0)]
_ERF = ("Add", ("Erf", ("Div", "x", math.sqrt(2))), 1.0)
_ERF_BY = ("Add", ("Erf", ("Mul", "x", math.sqrt(0.5))), 1.0)
_CUBE = ("Add", "x", ("Mul", ("Pow", "x", 3.0), 0.044715))
_TANH = ("Add", ("Tanh", ("Mul", _CUBE, math.sqrt(2 / math.pi))), 1.0)
_CENTRED = ("Sub", "x", ("ReduceMean", "x"))
_VARIANCE = ("ReduceMean", ("Pow", _CENTRED, 2.0))
_STANDARD = ("Div", _CENTRED, ("Sqrt", ("Add", _VARIANCE, "#epsilon")))


def _halves(gate: Any) -> list[Any]:
    """Spellings of x * gate / 2."""
    return [
        ("Mul", ("Mul", "x", gate), 0.5),
        ("Mul", "x", ("Mul", gate, 0.5)),
        ("Mul", ("Mul", "x", 0.5), gate),
    ]


def _sixths(gate: Any) -> list[Any]:
    """Spellings of x * gate / 6."""
    both, part = ("Mul", "x", gate), ("Div", gate, 6.0)
    return [("Div", both, 6.0), ("Mul", both, 1 / 6), ("Mul", "x", part), ("Mul", "x", ("Mul", gate, 1 / 6))]


class Pattern(NamedTuple):
    """One pattern and what it means.

    Attributes:
        tree: What it looks like.
        op: The operator that it is.
        inputs: The leaves that this one takes.
        attributes: What it is told.
    """

    tree: Any
    op: str
    inputs: tuple[str, ...] = ("x",)
    attributes: Mapping[str, Any] = {}


PATTERNS = [
    *(Pattern(tree, "HardSwish") for gate in _RELU6 for tree in _sixths(gate)),
    Pattern(("Mul", "x", ("HardSigmoid", "x")), "HardSwish"),
    Pattern(("Min", ("Max", "x", 0.0), 6.0), "Relu6"),
    Pattern(("Max", ("Min", "x", 6.0), 0.0), "Relu6"),
    *(Pattern(("Div", gate, 6.0), "HardSigmoid", attributes={"alpha": 1 / 6}) for gate in _RELU6),
    *(Pattern(("Mul", gate, 1 / 6), "HardSigmoid", attributes={"alpha": 1 / 6}) for gate in _RELU6),
    Pattern(("Min", ("Relu", "x"), 6.0), "Relu6"),
    Pattern(("Mul", "x", ("Sigmoid", "x")), "Swish"),
    Pattern(("Mul", "x", ("Tanh", ("Softplus", "x"))), "Mish"),
    *(Pattern(tree, "Gelu") for gate in (_ERF, _ERF_BY) for tree in _halves(gate)),
    *(Pattern(tree, "Gelu", attributes={"approximate": "tanh"}) for tree in _halves(_TANH)),
    Pattern(
        ("Add", ("Mul", _STANDARD, "#gamma"), "#beta"), "Standardize", ("x", "#gamma", "#beta", "#epsilon")
    ),
    Pattern(
        ("Add", ("Mul", ("Div", ("Sub", "x", "%mean"), "%deviation"), "%scale"), "%beta"),
        "ScaleShift",
        ("x", "%scale", "%beta", "%mean", "%deviation"),
    ),
    Pattern(
        ("Add", ("Mul", ("Sub", "x", "%mean"), "%scale"), "%beta"),
        "ScaleShift",
        ("x", "%scale", "%beta", "%mean"),
    ),
    Pattern(("Add", ("Conv", "x", "#kernel"), "%bias"), "Conv", ("x", "#kernel", "%bias")),
    Pattern(("Add", ("MatMul", "x", "#kernel"), "%bias"), "MatMul", ("x", "#kernel", "%bias")),
    Pattern(("Add", ("Mul", "x", "%scale"), "%beta"), "ScaleShift", ("x", "%scale", "%beta")),
]


class Step(NamedTuple):
    """A node, or what several mean.

    Attributes:
        op, domain, name: Its operator, whose it is, and what it is called.
        inputs, outputs: Names of values.
        attributes: What it is told.
        proto: The node itself; None where there are several.
    """

    op: str
    domain: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any]
    proto: Any = None

    @classmethod
    def of(cls, proto: Any) -> Step:
        """Returns a node."""
        value = required().helper.get_attribute_value
        attributes = {each.name: _text(value(each)) for each in proto.attribute}
        name = proto.name or next(iter(proto.output), "")
        return cls(
            proto.op_type, proto.domain, name, tuple(proto.input), tuple(proto.output), attributes, proto
        )


def _text(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode()
    return [each.decode() if isinstance(each, bytes) else each for each in value] if _listed(value) else value


def _listed(value: Any) -> bool:
    return isinstance(value, list) or type(value).__name__.startswith("Repeated")


def merged(
    steps: Sequence[Step], constants: Mapping[str, Any], outputs: Sequence[str], opset: int
) -> list[Step]:
    """Returns the steps with those that match a pattern made one.

    Args:
        steps: In their order.
        constants: Values that are known, by name.
        outputs: Names of values that are wanted.
        opset: The version of operators.
    """
    makers = {name: step for step in steps for name in step.outputs if name}
    uses = Counter([*outputs, *(name for step in steps for name in step.inputs)])
    match = _Matching(makers, uses, constants)
    gone: set[str] = set()
    made: list[Step] = []
    for step in reversed(steps):
        if step.outputs and step.outputs[0] in gone:
            continue
        step, inside = match.best(step)
        gone.update(inside)
        made.append(step)
    return made[::-1]


class _Matching:
    def __init__(
        self, makers: Mapping[str, Step], uses: Mapping[str, int], constants: Mapping[str, Any]
    ) -> None:
        self._makers, self._uses, self._constants = makers, uses, constants

    def best(self, step: Step) -> tuple[Step, list[str]]:
        """The step as the first pattern that fits has it, and the values that are then made nowhere."""
        for pattern in PATTERNS:
            if pattern.tree[0] != step.op:
                continue
            found: Found = {}
            inside: list[Step] = []
            if self._step_fits(pattern.tree, step, found, inside) and self._whole(
                pattern, step, found, inside
            ):
                return self._meaning(pattern, step, found, inside), [each.outputs[0] for each in inside]
        return step, []

    def _whole(self, pattern: Pattern, step: Step, found: Found, inside: list[Step]) -> bool:
        """Whether nobody else wants what is inside, and channels are counted where they have to be."""
        within = Counter(name for each in (step, *inside) for name in each.inputs)
        if any(self._uses[each.outputs[0]] > within[each.outputs[0]] for each in inside):
            return False
        rows = [self._constants[name] for leaf, name in found.items() if leaf.startswith("%")]
        last = pattern.op == "MatMul"
        return all(_per_channel(row, last) for row in rows) and _CHECKS.get(pattern.op, _always)(inside, rows)

    def _meaning(self, pattern: Pattern, step: Step, found: Found, inside: list[Step]) -> Step:
        base = next((each for each in inside if each.op == pattern.op), None)
        attributes = {**(base.attributes if base else {}), **pattern.attributes}
        name = step.name if base is None else base.name
        return Step(pattern.op, "", name, tuple(found[x] for x in pattern.inputs), step.outputs, attributes)

    def _step_fits(self, tree: Any, step: Step, found: Found, inside: list[Step]) -> bool:
        op, *leaves = tree
        if step.op != op or step.domain not in ("", "ai.onnx"):
            return False
        given = [*step.inputs, *(step.attributes.get(each) for each in ("min", "max") if op == "Clip")]
        given = [each for each in given if each is not None]
        orders = [leaves, leaves[::-1]] if op in _COMMUTES else [leaves]
        for order in orders:
            trial, within = dict(found), list[Step]()
            if len(given) == len(order) and all(
                self._fits(leaf, name, trial, within) for leaf, name in zip(order, given, strict=True)
            ):
                found.update(trial)
                inside.extend(within)
                return True
        return False

    def _fits(self, leaf: Any, given: Any, found: Found, inside: list[Step]) -> bool:
        if isinstance(leaf, float):
            return _is_number(self._constants.get(given) if isinstance(given, str) else given, leaf)
        if isinstance(leaf, str):
            wants_constant = leaf[0] in "%#"
            if wants_constant != (given in self._constants):
                return False
            return bool(found.setdefault(leaf, given) == given)
        step = self._makers.get(given)
        if step is None or not self._step_fits(leaf, step, found, inside):
            return False
        inside.append(step)
        return True


def _is_number(value: Any, wanted: float) -> bool:
    return value is not None and np.size(value) == 1 and _near(np.ravel(value)[0], wanted)


def _near(value: Any, wanted: float) -> bool:
    return math.isclose(float(value), wanted, rel_tol=1e-4)


def _per_channel(row: Any, last: bool) -> bool:
    """Whether a constant is one number for each channel: (c, 1, 1), also with a 1 before; or (c,) at last."""
    shape = np.shape(row)
    if last:
        return len(shape) >= 1 and np.size(row) == shape[-1]
    return len(shape) >= 2 and np.size(row) == max(shape) and (len(shape) < 3 or max(shape[-2:]) == 1)


def _always(inside: list[Step], rows: list[Any]) -> bool:
    return True


def _is_sixth(inside: list[Step], rows: list[Any]) -> bool:
    """Of the HardSigmoid that a hard swish is made of: max(0, min(1, x / 6 + 1/2))."""
    gates = [each.attributes for each in inside if each.op == "HardSigmoid"]
    return all(_near(each.get("alpha", 0.2), 1 / 6) for each in gates)


def _same_shape(inside: list[Step], rows: list[Any]) -> bool:
    return len({np.shape(each) for each in rows}) == 1 and np.size(rows[0]) > 1


def _along_the_last(inside: list[Step], rows: list[Any]) -> bool:
    """Of the means that a layer normalization is made of."""
    means = [each.attributes for each in inside if each.op == "ReduceMean"]
    return all(each.get("axes") == [-1] and each.get("keepdims", 1) for each in means)


_CHECKS: dict[str, Callable[[list[Step], list[Any]], bool]] = {
    "HardSwish": _is_sixth,
    "ScaleShift": _same_shape,
    "Standardize": _along_the_last,
}
