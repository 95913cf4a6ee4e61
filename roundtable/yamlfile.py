"""Reads a YAML file as names, texts and lists: what a text means is for the schema to say, not for YAML.

PyYAML follows YAML 1.1, in which `off` is False, `1:30` is 90, `010` is 8, the last of two equal keys wins in silence
and a few lines of aliases unfold into gigabytes. Here every scalar is the text that stands in the file, null and
nothing are None, names are in lower case, and aliases are refused. No constructor of PyYAML runs. Pure.
"""

from typing import TypeAlias

import yaml

from roundtable.mistakes import shown

MAX_BYTES = 1_048_576
_NULL = frozenset({"", "~", "null", "Null", "NULL"})
"""The YAML 1.2 core schema's null, section 10.3.2."""

Value: TypeAlias = "str | list[Value] | dict[str, Value] | None"


class BadYAML(ValueError):
    """The text cannot be read at all; the message says why and where, in one line, and quotes nothing of it."""


def read_mapping(raw: bytes) -> tuple[dict[str, Value], list[str]]:
    """What the file says, and one line for each name in it that cannot be used. Raises BadYAML."""
    if len(raw) > MAX_BYTES:
        raise BadYAML(f"longer than {MAX_BYTES} bytes")
    root = _compose(_decode(raw))
    if root is None or (isinstance(root, yaml.ScalarNode) and _text(root) is None):
        return {}, []
    if not isinstance(root, yaml.MappingNode):
        raise BadYAML("names with values are expected, one a line: `localport: 1066`")
    mistakes: list[str] = []
    try:
        return _mapping(root, mistakes), mistakes
    except RecursionError as error:
        raise BadYAML("nested too deeply") from error


def _decode(raw: bytes) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadYAML(f"not UTF-8 (byte {error.start})") from error


class _Loader(yaml.BaseLoader):
    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            line = self.get_mark().line + 1
            raise BadYAML(f"line {line}: aliases (`*name`) are not supported, write the value out")
        return super().compose_node(parent, index)


def _compose(text: str) -> yaml.Node | None:
    try:
        return yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise BadYAML(f"line {line}: {error.problem or error.context}") from error
    except yaml.reader.ReaderError as error:
        raise BadYAML(f"character {error.position + 1} is a control character, which YAML forbids") from error
    except RecursionError as error:
        raise BadYAML("nested too deeply") from error


def _value(node: yaml.Node, mistakes: list[str]) -> Value:
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, mistakes)
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, mistakes) for item in node.value]
    assert isinstance(node, yaml.ScalarNode)  # noqa: S101 (there is no fourth kind)
    return _text(node)


def _text(node: yaml.ScalarNode) -> str | None:
    is_plain = node.style is None
    return None if is_plain and node.value in _NULL else str(node.value)


def _mapping(node: yaml.MappingNode, mistakes: list[str]) -> dict[str, Value]:
    values: dict[str, Value] = {}
    lines: dict[str, int] = {}
    for key, value in node.value:
        line = key.start_mark.line + 1
        name = _text(key) if isinstance(key, yaml.ScalarNode) else None
        if name is None:
            mistakes.append(f"line {line}: a name is expected before the colon")
            continue
        name = name.lower()
        if name in values:
            mistakes.append(f"{shown(name)}: given again in line {line}; allowed: once (line {lines[name]})")
            continue
        values[name], lines[name] = _value(value, mistakes), line
    return values
