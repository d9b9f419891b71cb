"""A whole model as the text of one C file."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnfast import _core
from cnnfast.io.c import gathering, moves  # noqa: F401  # fill the table
from cnnfast.io.c.planning import Plan
from cnnfast.io.c.recording import Recording, node_methods
from cnnfast.io.c.steps import WRITERS, elementwise
from cnnfast.models.files import written_at_once

if TYPE_CHECKING:
    from collections.abc import Iterator
    from os import PathLike

    from cnnfast.models.base import BaseModel

_IN_A_LINE = 8  # numbers of a weight
_C_WORDS = """arena auto break case char const continue default do double else enum extern float for goto if
inline input int long main memcpy output register restrict return short signed sizeof static struct switch
typedef union unsigned void volatile while"""


class Program:
    """What is written for a model.

    Args:
        model: The model, whose inputs' shapes are known.

    Attributes:
        graph: What it is made of.
        plan: What is written of it, and where values lie.
        constants: Arrays of numbers by their names in C.
    """

    def __init__(self, model: BaseModel) -> None:
        plan = model.blueprint
        model.weights  # noqa: B018  # gives those their first values that have none
        if any(None in source.shape[1:] for source in plan.sources):
            raise ValueError(
                f"model {model.name!r} has inputs of unknown sizes; C needs fixed ones in its Input"
            )
        self.graph = Recording(node_methods())
        inputs = [
            self.graph.input(shape, name) for shape, name in zip(plan.shapes, plan.input_names, strict=True)
        ]
        made = plan.trace(self.graph, [self.graph.value(each) for each in inputs])
        self.outputs = [value.number for value in made]
        self.plan = Plan(self.graph, self.outputs)
        self.names = dict(zip(inputs, _numbered("input", len(inputs)), strict=True))
        self.constants: dict[str, Any] = {}
        self._weights: dict[int, str] = {}

    def at(self, number: int) -> str:
        """Returns what is, in C, a pointer to a value's numbers."""
        root = self.plan.root(number)
        method, args, *_ = self.graph.steps[root]
        if method == "input":
            return self.names[root]
        if method == "weight":
            return self.weight(args[0])
        if method == "constant":
            self.names.setdefault(root, "")
            self.names[root] = self.names[root] or self.constant(args[0], args[1])
            return self.names[root]
        return f"(arena + {self.plan.offsets[root]})"

    def weight(self, weight: Any) -> str:
        """Returns the name of a weight's numbers."""
        if id(weight) not in self._weights:
            self._weights[id(weight)] = self.constant(_core.get_weights([weight])[0], weight.name)
        return self._weights[id(weight)]

    def constant(self, values: Any, name: str) -> str:
        """Adds numbers and returns their name."""
        unique = f"w{len(self.constants)}"
        self.constants[unique] = np.asarray(values, np.float32).ravel()
        return unique

    def lines(self) -> Iterator[str]:
        """Yields the function's lines.

        Raises:
            NotImplementedError: If there is no code for a part of the model.
        """
        for number in self.plan.order:
            step = self.graph.steps[number]
            yield f"/* {_plain(step.layer)} */"
            if self.plan.is_elementwise(number):
                yield from elementwise(self, number)
            elif step.method in WRITERS:
                yield from WRITERS[step.method](self, number, *step.args, **step.options)
            else:
                raise self.graph.lacks(number, repr(step.method))


def export_c(model: BaseModel, filepath: str | PathLike[str]) -> None:
    """Writes a model as a C file; see `Model.export_c`.

    Args:
        model: The model.
        filepath: The file.

    Raises:
        NotImplementedError: If there is no code for a part of the model; names the layer.
        ValueError: If the model's sizes are not known.
        OSError: If the file cannot be written.
    """
    path = Path(filepath)
    parts = written(model, path.stem)
    with written_at_once(path) as file:
        for part in parts:
            file.write(part.encode())


def written(model: BaseModel, name: str) -> Iterator[str]:
    """Yields the parts of a model's C file; the first comes when all is known to have code.

    Args:
        model: The model.
        name: What the file is called, without its suffix.

    Raises:
        NotImplementedError: If there is no code for a part of the model; names the layer.
        ValueError: If the model's sizes are not known.
    """
    program = Program(model)
    body = "".join(f"  {line}\n" for line in program.lines())
    results = _numbered("output", len(program.outputs))
    counts = [program.graph.count(each) for each in program.outputs]
    for result, number, count in zip(results, program.outputs, counts, strict=True):
        body += f"  memcpy({result}, {program.at(number)}, {count} * sizeof(float));\n"
    inputs = [program.names[n] for n, step in program.graph.steps.items() if step.method == "input"]
    given = ", ".join([*(f"const float *{each}" for each in inputs), *(f"float *{each}" for each in results)])
    return _parts(model, program, f"void {identifier(name)}({given})", body)


def _parts(model: BaseModel, program: Program, head: str, body: str) -> Iterator[str]:
    size = program.plan.size
    taken, made = model.blueprint.shapes, [program.graph.shape(each) for each in program.outputs]
    yield f"""/* Model {_plain(model.name)}, written by cnnfast: predicts one sample a call, in C99.

   {head};

   takes {_plain(str([*map(tuple, taken)]))} and makes {_plain(str([*map(tuple, made)]))}, the last axis
   without gaps. Its arena has {4 * size} bytes, which calls share: one at a time. */

#include <math.h>
#include <stddef.h>
#include <string.h>

{head};

"""
    if size:
        yield f"static float arena[{size}];\n\n"
    for name, values in program.constants.items():
        yield f"static const float {name}[{len(values)}] = {{\n"
        for begin in range(0, len(values), _IN_A_LINE):
            yield f"{', '.join(map(_number, values[begin : begin + _IN_A_LINE].tolist()))},\n"
        yield "};\n\n"
    yield from _kernels(body)
    yield f"{head} {{\n{body}}}\n"


def _number(value: float) -> str:
    text = f"{value:.9g}"
    return text.replace("nan", "NAN").replace("inf", "INFINITY")


def _kernels(body: str) -> Iterator[str]:
    """Those functions that are called, and the types that they use."""
    for name, code in _sources().items():
        if re.search(rf"\(?\b{name}[({{)]", body):
            yield code


@cache
def _sources() -> dict[str, str]:
    """The kernels' code by their names."""
    text = files("cnnfast.io.c").joinpath("kernels.c").read_text(encoding="utf-8")
    _, *pieces = re.split(r"/\* kernel: (\w+) \*/\n", text)
    return dict(zip(pieces[::2], pieces[1::2], strict=True))


def _numbered(what: str, count: int) -> list[str]:
    return [what] if count == 1 else [f"{what}_{n}" for n in range(count)]


def identifier(name: str) -> str:
    """Returns a name as C allows it.

    Example:
        >>> identifier("my-net.v2"), identifier("2nd")
        ('my_net_v2', 'net_2nd')
    """
    plain = re.sub(r"\W", "_", name, flags=re.ASCII)
    taken = {*_C_WORDS.split(), *_sources()}
    return f"net_{plain}" if not plain or plain[0].isdigit() or plain in taken else plain


def _plain(text: str) -> str:
    """A text that can stand in a comment."""
    return re.sub(r"[^\w .,:;()\[\]-]", "_", text, flags=re.ASCII)
