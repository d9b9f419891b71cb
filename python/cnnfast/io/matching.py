"""Which array of a file is which weight of a model: by names, by the order of layers, or by their shapes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from cnnfast.io.arrays import natural_order
from cnnfast.io.hdf5 import name_of
from cnnfast.io.keras_state import weight_places
from cnnfast.io.layouts import Layout, flattened_pictures, layout_for
from cnnfast.utils.serialization import snake_case

if TYPE_CHECKING:
    from cnnfast.io.arrays import StoredArray
    from cnnfast.layers.layer import Layer
    from cnnfast.layers.variable import Variable
    from cnnfast.models.base import BaseModel

    Module = dict[str, StoredArray]

# What PyTorch calls the weights of a layer.
_TORCH = {
    "kernel": "weight",
    "gamma": "weight",
    "scale": "weight",
    "embeddings": "weight",
    "alpha": "weight",
    "bias": "bias",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}
# And Keras, where that differs.
_KERAS = {
    "kernel": "depthwise_kernel",
    "depthwise/kernel": "depthwise_kernel",
    "pointwise/kernel": "pointwise_kernel",
    "pointwise/bias": "bias",
}
# What `save_weights` calls layers: "4_separable_conv2d", and their weights behind it "depthwise/kernel".
_BY_PLACE = r"\d+_\w+"
_NOT_WEIGHTS = ("num_batches_tracked",)  # PyTorch counts batches for a momentum of None


class LoadReport(NamedTuple):
    """What became of a file's arrays and of a model's weights.

    Attributes:
        by: How they were matched: by "name", by the "order" of layers, or, where the file keeps none, by
            "shape".
        matched: The array of each weight that was set, by the weight's name.
        missing: The weights that no array was found for.
        mismatched: What is wrong with arrays whose names are right, a sentence for each.
        unused: The arrays that no weight wanted.

    Example:
        >>> print(LoadReport("name", {"fc/bias": "fc.bias"}, ("fc/kernel",), (), ("old.weight",)))
        1 of 2 weights set, by name; missing: fc/kernel; unused: old.weight
    """

    by: str
    matched: dict[str, str]
    missing: tuple[str, ...]
    mismatched: tuple[str, ...]
    unused: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """Whether each weight has an array, and each array a weight."""
        return not (self.missing or self.mismatched or self.unused)

    def __str__(self) -> str:
        total = len(self.matched) + len(self.missing) + len(self.mismatched)
        told = [f"{len(self.matched)} of {total} weights set, by {self.by}"]
        for kind in ("missing", "mismatched", "unused"):
            names = getattr(self, kind)
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            if names:
                told.append(f"{kind}: {', '.join(names[:3])}{more}")
        return "; ".join(told)


class Found(NamedTuple):
    """A weight and the array that it is set from.

    Attributes:
        variable: The weight.
        array: The array.
        layout: How the weight lies there.
    """

    variable: Variable
    array: StoredArray
    layout: Layout


class _Owner(NamedTuple):
    """A layer with weights, the name that the file may have for it, and the picture behind its input."""

    layer: Layer
    name: str
    picture: tuple[int, ...] | None


def match(
    model: BaseModel, arrays: Sequence[StoredArray], by: str | None = None
) -> tuple[list[Found], LoadReport]:
    """Finds an array for each weight.

    Args:
        model: The model.
        arrays: What the file holds, in its order.
        by: "name" or "order"; None goes by names where the file has those of half of the layers or more,
            unless the order says the same and more. Where the file keeps no order, shapes say it.

    Returns:
        The weights that were found, and a report on all.
    """
    wanted = [each for each in arrays if _split(each.name)[1] not in _NOT_WEIGHTS]
    modules = _modules(wanted)
    owners = _owners(model, modules)
    named = [_named(owner, modules, wanted) for owner in owners]
    by_name = _matched(owners, named, wanted, "name")
    if by == "name" or by_name[1].complete:
        return by_name
    unclear: dict[int, Sequence[str]] = {}
    ordered = _is_list(wanted) or all(each.ordered for each in wanted)
    if _is_list(wanted):
        listed = _listed(owners, wanted)
    elif ordered:
        listed = _in_order(owners, list(modules.values()))
    else:
        listed, unclear = _by_shape(owners, modules)
    by_order = _matched(owners, listed, wanted, "order" if ordered else "shape", unclear)
    half_named = 2 * sum(map(bool, named)) >= max(len(owners), 1)
    agree = all(
        not name or name is place or _is_made_up(owner.layer)
        for owner, name, place in zip(owners, named, listed, strict=True)
    )
    if by == "order" or not half_named or (agree and by_order[1].complete):
        return by_order
    return by_name


def _matched(
    owners: Sequence[_Owner],
    modules: Sequence[Module],
    arrays: Sequence[StoredArray],
    by: str,
    unclear: dict[int, Sequence[str]] | None = None,
) -> tuple[list[Found], LoadReport]:
    found: list[Found] = []
    missing: list[str] = []
    wrong: dict[str, str] = {}
    for number, (owner, module) in enumerate(zip(owners, modules, strict=True)):
        if names := (unclear or {}).get(number):
            told = f"any of {', '.join(names[:4])}, which suit alike (the file keeps no order; give rename=)"
            wrong |= {each.name: f"{each.name} from {told}" for each in owner.layer._weights}
            continue
        for place, variable in enumerate(owner.layer._weights):
            array, torch = _array_of(variable, place, module)
            layout = None if array is None else _layout(owner, variable, array, torch)
            if array is None:
                missing.append(variable.name)
            elif layout is None:
                wrong[array.name] = f"{variable.name} {variable.shape} from {array.name} {array.shape}"
            else:
                found.append(Found(variable, array, layout))
    matched = {each.variable.name: each.array.name for each in found}
    spoken_of = {*matched.values(), *wrong}
    unused = tuple(each.name for each in arrays if each.name not in spoken_of)
    return found, LoadReport(by, matched, tuple(missing), tuple(wrong.values()), unused)


# -- the file's side: modules, which are layers with their arrays by what these are ------------------------


def _split(name: str) -> tuple[str, str]:
    """The name of a module, and what the array is in it: "features.0" and "weight"."""
    ours = re.fullmatch(rf"({_BY_PLACE})/(.+)", name)
    if ours:
        return ours[1], ours[2]
    at = max(name.rfind("."), name.rfind("/"))
    return name[: max(at, 0)], name[at + 1 :]


def _modules(arrays: Sequence[StoredArray]) -> dict[str, Module]:
    modules: dict[str, Module] = {}
    for each in arrays:
        module, role = _split(each.name)
        modules.setdefault(module, {})[role] = each
    return modules


def _is_list(arrays: Sequence[StoredArray]) -> bool:
    """Whether they have no names but numbers, as `np.savez(file, *arrays)` gives them."""
    return all(re.fullmatch(r"(arr_)?\d+", each.name) for each in arrays)


def _array_of(variable: Variable, place: int, module: Module) -> tuple[StoredArray | None, bool]:
    """The array of a module that is this weight, and whether it has PyTorch's layout."""
    role = _role(variable)
    ours = next((each for each in (role, _KERAS.get(role), str(place)) if each in module), None)
    if ours is not None:
        return module[ours], False
    return module.get(_TORCH.get(role, role)), True


# -- the model's side --------------------------------------------------------------------------------------


def _role(variable: Variable) -> str:
    return variable.name.partition("/")[2]


def torch_role(variable: Variable) -> str:
    """Returns what PyTorch calls a weight in its module.

    Example:
        >>> from cnnfast.layers import Dense
        >>> layer = Dense(2)
        >>> layer.build((None, 3))
        >>> [torch_role(each) for each in layer.weights]
        ['weight', 'bias']
    """
    before, _, role = _role(variable).rpartition("/")
    return f"{before}.{_TORCH.get(role, role)}".lstrip(".")


def _owners(model: BaseModel, modules: dict[str, Module]) -> list[_Owner]:
    layers = [layer for layer in model._leaves() if layer._weights]
    names = _names(model, layers, modules)
    pictures = flattened_pictures(model)
    return [_Owner(layer, name, pictures.get(id(layer))) for layer, name in zip(layers, names, strict=True)]


def _names(model: BaseModel, layers: Sequence[Layer], modules: dict[str, Module]) -> list[str]:
    """What the file calls layers: as Keras 3 where weights are numbered, by their place, or as the model."""
    if all(role.isdecimal() for module in modules.values() for role in module):
        places = weight_places(model, lambda each: each.layers)
        paths = {id(place.variables[0]): name_of(place.path) for place in places}
        return [paths.get(id(layer._weights[0]), "") for layer in layers]
    if all(re.fullmatch(_BY_PLACE, name) for name in modules):
        return [f"{place}_{_kind(layer)}" for place, layer in enumerate(layers)]
    return [layer.name for layer in layers]


def _kind(layer: Layer) -> str:
    return snake_case(type(layer).__name__)


def _is_made_up(layer: Layer) -> bool:
    """Whether its name is one that layers get without one, which depends on what was made before it."""
    return re.fullmatch(rf"{_kind(layer)}(_\d+)?", layer.name) is not None


def _layout(owner: _Owner, variable: Variable, array: StoredArray, torch: bool) -> Layout | None:
    return layout_for(owner.layer, variable.shape, torch, owner.picture, array.shape)


# -- both ---------------------------------------------------------------------------------------------------


def _named(owner: _Owner, modules: dict[str, Module], arrays: Sequence[StoredArray]) -> Module:
    """The module of a layer's name; nothing where there is none."""
    if owner.name in modules:
        return modules[owner.name]
    weights = owner.layer._weights
    lone = next((each for each in arrays if each.name == owner.layer.name), None)
    if lone is None or len(weights) != 1:
        return {}
    return {_TORCH.get(_role(weights[0]), "weight"): lone}  # a parameter without a module of its own


def _listed(owners: Sequence[_Owner], arrays: Sequence[StoredArray]) -> list[Module]:
    """The arrays one by one, as `get_weights` lists them."""
    left = iter(arrays)
    return [
        {str(place): each for place, each in zip(range(len(owner.layer._weights)), left, strict=False)}
        for owner in owners
    ]


def _in_order(owners: Sequence[_Owner], modules: Sequence[Module]) -> list[Module]:
    """The modules one by one; where their number differs, to each layer the next that suits it."""
    if len(modules) == len(owners):
        return list(modules)
    found: list[Module] = []
    begin = 0
    for owner in owners:
        at = next((k for k in range(begin, len(modules)) if _suits(owner, modules[k])), None)
        found.append({} if at is None else modules[at])
        begin = begin if at is None else at + 1
    return found


def _by_shape(
    owners: Sequence[_Owner], modules: dict[str, Module]
) -> tuple[list[Module], dict[int, Sequence[str]]]:
    """The modules that suit by what they hold; of several, whose names differ in numbers, by these.

    Returns:
        The module of each owner, and, by the owner's place, the names of those that it might be where
        nothing tells which.
    """
    groups: dict[tuple[str, ...], list[int]] = {}
    for place, owner in enumerate(owners):
        suiting = [name for name, module in modules.items() if _suits(owner, module)]
        exact = [name for name in suiting if len(modules[name]) == len(owner.layer._weights)]
        groups.setdefault(tuple(exact), []).append(place)
    found: list[Module] = [{} for _ in owners]
    unclear: dict[int, Sequence[str]] = {}
    for names, places in groups.items():
        if len(names) == len(places) and len({re.sub(r"\d+", "0", name) for name in names}) == 1:
            for place, name in zip(places, sorted(names, key=natural_order), strict=True):
                found[place] = modules[name]
        elif names:
            unclear |= dict.fromkeys(places, names)
    return found, unclear


def _suits(owner: _Owner, module: Module) -> bool:
    for place, variable in enumerate(owner.layer._weights):
        array, torch = _array_of(variable, place, module)
        if array is None or _layout(owner, variable, array, torch) is None:
            return False
    return True
