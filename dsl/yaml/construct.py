"""From nodes to a JSON value: types of scalars, duplicate keys, merge keys, aliases, all with a bound."""

from typing import Any, Final

from yaml import MappingNode, Node, ScalarNode, SequenceNode

from dsl.diagnostics import Fault
from dsl.limits import DEPTH_MAX, EXPANDED_CHARACTERS_MAX, NODES_MAX
from dsl.yaml.core_schema import UnfitNumberError, is_text, resolve
from dsl.yaml.nodes import find_cycle, is_merge, is_plain
from dsl.yaml.parser import LimitError
from dsl.yaml.source import Source
from dsl.yaml.spans import node_span

_TAG_PREFIX: Final = "tag:yaml.org,2002:"
_SCALAR_TAGS: Final[dict[str, tuple[type, ...]]] = {
    "int": (int,),
    "float": (float, int),
    "bool": (bool,),
    "null": (type(None),),
}


class Construction:
    """Builds the value of one document and gathers its faults."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._nodes = 0
        self._characters = 0
        self.faults: list[Fault] = []

    def build(self, root: Node) -> Any:
        """Return the value of a document; None when its aliases go beyond the limits or hold themselves."""
        try:
            return self._value(root, 1)
        except LimitError as error:
            cyclic = find_cycle(root)
            if cyclic is not None:
                self._fault("E0007", "the value contains itself through an alias", cyclic)
            else:
                self._fault(error.code, str(error), root, "aliases are counted each time they are used")
            return None

    def _value(self, node: Node, depth: int) -> Any:
        if depth > DEPTH_MAX:
            raise LimitError("E0008", f"the file is nested deeper than {DEPTH_MAX}, aliases included")
        self._nodes += 1
        if self._nodes > NODES_MAX:
            raise LimitError("E0009", f"the file has more than {NODES_MAX:,} values, aliases included")
        if isinstance(node, ScalarNode):
            return self._scalar(node)
        if isinstance(node, SequenceNode):
            self._check_tag(node, "seq")
            return [self._value(item, depth + 1) for item in node.value]
        self._check_tag(node, "map")
        return self._mapping(node.value, depth)

    def _check_tag(self, node: Node, expected: str) -> None:
        tag: Any = node.tag
        if isinstance(tag, str) and tag != _TAG_PREFIX + expected:
            self._unknown_tag(node)

    def _unknown_tag(self, node: Node) -> None:
        shown = node.tag.replace(_TAG_PREFIX, "!!")
        self._fault("E0006", f"unknown tag '{shown}'", node, "leave the tag out")

    def _scalar(self, node: ScalarNode) -> Any:
        text: str = node.value
        self._characters += len(text)
        if self._characters > EXPANDED_CHARACTERS_MAX:
            raise LimitError("E0009", f"the file's text is longer than {EXPANDED_CHARACTERS_MAX:,}, aliases included")
        tag: Any = node.tag
        if isinstance(tag, str):
            return self._tagged(node, text)
        return self._plain(node, text) if tag[0] else text

    def _plain(self, node: ScalarNode, text: str) -> Any:
        try:
            return resolve(text)
        except UnfitNumberError as error:
            self._fault("E0013", str(error), node, "quote it to make it text")
            return 1  # a number all the same, so that nothing else is said about it

    def _tagged(self, node: ScalarNode, text: str) -> Any:
        name = node.tag.removeprefix(_TAG_PREFIX)
        if name == "str":
            return text
        if name not in _SCALAR_TAGS:
            self._unknown_tag(node)
            return text
        value = self._plain(node, text)
        if type(value) not in _SCALAR_TAGS[name]:
            self._fault("E0006", f"'{text}' does not fit the tag '!!{name}'", node, "leave the tag out")
        return float(value) if name == "float" and type(value) is int else value

    def _mapping(self, pairs: list[tuple[Node, Node]], depth: int) -> dict[str, Any]:
        result: dict[str, Any] = {}
        merges: list[Node] = []
        for key_node, value_node in pairs:
            if is_merge(key_node):
                merges.append(value_node)
                continue
            key = self._key(key_node)
            if key in result:
                self._fault("E0005", f"the key '{key}' is given twice", key_node, "remove one of them")
            value = self._value(value_node, depth + 1)
            if key is not None:
                result.setdefault(key, value)
        for merged in merges:
            self._merge(merged, result, depth + 1)
        return result

    def _key(self, node: Node) -> str | None:
        text = node.value
        if not isinstance(node, ScalarNode):
            self._fault("E0010", "a key must be text", node, "write one word before the ':'")
            return None
        self._characters += len(text)
        if is_plain(node) and not is_text(text):
            shown = f'"{text or "null"}"'
            self._fault("E0010", f"the key {text or 'that is missing'} is not text", node, f"quote it: {shown}")
            return None
        return str(text)

    def _merge(self, node: Node, into: dict[str, Any], depth: int) -> None:
        parts = node.value if isinstance(node, SequenceNode) else [node]
        for part in parts:
            if isinstance(part, MappingNode):
                for key, value in self._value(part, depth).items():
                    into.setdefault(key, value)
            else:
                self._fault("E0011", "'<<' takes a map, or a list of maps", part, "give it an alias of a map")

    def _fault(self, code: str, message: str, node: Node, hint: str = "") -> None:
        self.faults.append(Fault(code, message, node_span(self._source, node), hint))
