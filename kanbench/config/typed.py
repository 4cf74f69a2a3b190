"""Nodes of the composed YAML as typed values; every fault is a `ConfigError`."""

import dataclasses
import re
from collections.abc import Mapping
from enum import Enum
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import ConfigKeyError, OmegaConfBaseException

from kanbench.config.options import home_of
from kanbench.errors import ConfigError, UnknownName
from kanbench.files.stored_names import current_word

T = TypeVar("T")
LARGEST_INTEGER, LARGEST_NUMBER = 10_000_000, 1e9


def typed(schema: type[T], node: DictConfig, path: str, **given: Any) -> T:
    """The dataclass `schema` made from a YAML node and, for fields that no YAML holds, from `given`.

    Raises `ConfigError` with the config path of the key that is unknown, of the wrong type or out of range.
    """
    hints = get_type_hints(schema)
    own = [field for field in dataclasses.fields(schema) if field.name not in given]  # type: ignore[arg-type]
    # A flat copy of the schema: OmegaConf refuses abstract fields, and takes frozen classes for read-only ones.
    flat = dataclasses.make_dataclass("flat", [(f.name, hints[f.name], _default(f)) for f in own])
    content = {current_word(str(key)): node[key] for key in node if key != "name"}
    for key, value in content.items():
        if _is_mapping(hints.get(key)) and not (value is None or OmegaConf.is_dict(value)):
            raise ConfigError(f"{path}.{key}: expected {_expected(hints[key])}, got {value!r}")
    try:
        merged = OmegaConf.to_container(OmegaConf.merge(OmegaConf.structured(flat), content))
    except ConfigKeyError as error:
        key = str(error.full_key)
        if home := home_of(path, key):
            raise ConfigError(f"{home}; ~{path}.{key} takes it out") from error
        raise ConfigError(f"{path}: {UnknownName('key', key, [f.name for f in own])}") from error
    except OmegaConfBaseException as error:
        key = re.split(r"[.\[]", str(error.full_key))[0]
        expected = _expected(hints[key])
        raise ConfigError(f"{path}.{key}: expected {expected}, got {content[key]!r}") from error
    assert isinstance(merged, dict)
    values = {str(key): tuple(value) if isinstance(value, list) else value for key, value in merged.items()}
    try:
        made = schema(**values, **given)
    except ValueError as error:
        raise ConfigError(f"{path}.{error}") from error
    for key, value in values.items():
        if key != "seed":
            _check_size(f"{path}.{key}", value)
    return made


def _check_size(key: str, value: Any) -> None:
    """Refuse numbers that no run can be meant to have: they would end in memory, time or overflow."""
    for number in value if isinstance(value, tuple) else (value,):
        largest = LARGEST_NUMBER if isinstance(number, float) else LARGEST_INTEGER
        if isinstance(number, int | float) and abs(number) > largest:
            raise ConfigError(f"{key}: must be at most {largest:,.0f} in size, got {number}")


def _is_mapping(hint: Any) -> bool:
    return any(get_origin(part) is dict for part in (hint, *get_args(hint)))


def _expected(hint: Any) -> str:
    if get_origin(hint) is dict and Any in get_args(hint):
        return "names and values, as {grid: 5}"
    if _is_mapping(hint):
        return "a list for each name, as {name: [..]}"
    if isinstance(hint, type) and issubclass(hint, Enum):
        return f"one of {', '.join(member.name for member in hint)}"
    if get_origin(hint) is tuple and Any in get_args(hint):
        return "a list of names and values, as [{grid: 3}, {grid: 5}]"
    return {"int": "an integer", "float": "a number", "bool": "true or false"}.get(
        getattr(hint, "__name__", ""), "a list of numbers" if get_origin(hint) is tuple else str(hint)
    )


def _default(field: dataclasses.Field) -> Any:
    """A copy of the default of a field; lists in place of tuples, which OmegaConf does not take as defaults."""
    if isinstance(field.default, tuple):
        values = list(field.default)
        return dataclasses.field(default_factory=lambda: values)
    if field.default_factory is not dataclasses.MISSING:
        return dataclasses.field(default_factory=field.default_factory)
    return dataclasses.field(default=field.default)


def listed(node: DictConfig, key: str, path: str) -> list[Any]:
    """A list under `key`."""
    if not OmegaConf.is_list(node.get(key)):
        value = node.get(key)
        hint = f"; say {path}.{key}=[{value}]" if isinstance(value, str | int | float) else ""
        raise ConfigError(f"{path}.{key}: must be a list, got {value!r}{hint}")
    return list(node[key])


def only(node: DictConfig, *keys: str) -> DictConfig:
    """Those of the keys that are there."""
    return OmegaConf.create({key: node[key] for key in keys if key in node})


def scalar(node: DictConfig, key: str, kind: type[T]) -> T:
    """A text, an integer, or true or false at the top of the config."""
    value = node.get(key)
    if type(value) is not kind:
        expected = {int: "an integer", bool: "true or false"}.get(kind, "a text")
        raise ConfigError(f"{key}: expected {expected}, got {value!r}")
    return value


def choice(known: Mapping[str, T], name: str, path: str) -> T:
    """Return the entry that `name` stands for."""
    if name not in known:
        raise ConfigError(f"{path}: {UnknownName('name', str(name), known)}")
    return known[name]
