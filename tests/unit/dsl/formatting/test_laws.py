"""Whatever is formatted means the same, keeps its comments, and is formatted for good."""

import json
import random
import re
from itertools import zip_longest
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dsl.formatting import format_text
from dsl.yaml import parse_documents

WORDS = st.sampled_from(["name", "tasks", "run", "needs", "env", "on", "a", "b-c", "timeout", "inputs", "labels", "id"])
TEXTS = st.one_of(
    st.text(st.sampled_from("abc #:-'\"\\,[]{}&*!|>%@`\n\t01.~=?$é😀\x85\u2028"), max_size=24),
    st.sampled_from(
        ["yes", "null", "1", "1.0", "2026-01-01", "echo a\necho b\n", "a\n\n", "\n", " x\ny", "a # b", "a: b"]
    ),
)
SCALARS = st.one_of(
    TEXTS, st.integers(-9, 999), st.booleans(), st.none(), st.floats(allow_nan=False, allow_infinity=False)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS | TEXTS, inner, max_size=5),
    max_leaves=18,
)
DOCUMENTS = st.dictionaries(WORDS, VALUES, min_size=1, max_size=6)


class Scribe:
    """Writes a value as people do: in any style, with comments and blank lines in every place that YAML has."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.comments: list[str] = []

    def document(self, value: Any) -> str:
        shown = self.block(value, 0) if value else "{}\n"
        return f"{self.alone(0)}{shown}{self.alone(self.random.choice([0, 2, 4]))}"

    def block(self, value: Any, indent: int) -> str:
        rows = []
        for key, item in value.items() if isinstance(value, dict) else ((None, item) for item in value):
            rows.append(self.alone(self.random.choice([indent, indent, 0, indent + 2]) if rows else indent))
            start = "-" if key is None else f"{self.word(key)}:"
            rows.append(" " * indent + start + self.value(item, indent))
        return "".join(rows)

    def value(self, value: Any, indent: int) -> str:
        if isinstance(value, dict | list) and value and self.random.random() < 0.6:
            deeper = indent + self.random.choice([2, 4])
            return f"{self.beside()}\n{self.block(value, deeper)}"
        if isinstance(value, str) and self.random.random() < 0.5:
            block = self.scalar_block(value, indent + self.random.choice([2, 3]))
            if block is not None:
                return block
        return f" {self.flow(value, indent + 2)}{self.beside()}\n"

    def scalar_block(self, value: str, indent: int) -> str | None:
        rows = value.removesuffix("\n").split("\n")
        if not _literal(value):
            return None
        cut = "" if value.endswith("\n") else "-"
        return f" |{cut}{self.beside()}\n" + "".join(f"{' ' * indent}{row}\n" if row else "\n" for row in rows)

    def flow(self, value: Any, indent: int) -> str:
        if isinstance(value, dict):
            parts = [f"{self.word(key)}: {self.flow(item, indent)}" for key, item in value.items()]
        elif isinstance(value, list):
            parts = [self.flow(item, indent) for item in value]
        else:
            return self.word(value)
        broken = self.random.random() < 0.3
        gaps = [f",{self.beside()}\n{' ' * indent}" if broken else ", " for _ in parts[1:]]
        shown = "".join(map("".join, zip_longest(parts, gaps, fillvalue="")))
        return f"{{{shown}}}" if isinstance(value, dict) else f"[{shown}]"

    def word(self, value: Any) -> str:
        if isinstance(value, str):
            if _word(value) and self.random.random() < 0.7:
                return value
            if "'" not in value and value.isprintable() and self.random.random() < 0.5:
                return f"'{value}'"
        return re.sub(
            "[\x7f-\x9f\u2028\u2029]", lambda match: f"\\u{ord(match[0]):04x}", json.dumps(value, ensure_ascii=False)
        )

    def comment(self) -> str:
        self.comments.append(f"# c{len(self.comments)} x: 'y'")
        return self.comments[-1]

    def beside(self) -> str:
        return f"{' ' * self.random.choice([1, 2, 9])}{self.comment()}" if self.random.random() < 0.2 else ""

    def alone(self, indent: int) -> str:
        blank = self.random.choice(["", "", "\n", "\n\n"])
        return blank + (f"{' ' * indent}{self.comment()}\n" if self.random.random() < 0.25 else "")


def _word(value: str) -> bool:
    return re.fullmatch("[abc][a-c]*|name|tasks|run|needs|env|timeout|inputs|labels", value) is not None


def _literal(value: str) -> bool:
    body = value.removesuffix("\n")
    fine = all(char in "\n\t" or char.isprintable() for char in value)
    return fine and bool(body.strip()) and not body.startswith((" ", "\t", "\n")) and not body.endswith("\n")


def comments_of(text: str) -> list[str]:
    return sorted(re.findall("# c[0-9]+ x: 'y'", text))


@settings(max_examples=25, deadline=None)
@given(st.lists(DOCUMENTS, min_size=1, max_size=2), st.integers(0, 2**32), st.sampled_from(["\n", "\r\n"]))
@pytest.mark.parametrize("file", ["a.yaml", "a.test.yaml", "_defaults.yaml"])
def test_formatted_text_means_the_same_and_is_formatted_for_good(file, documents, seed, newline):
    scribe = Scribe(seed)
    text = "---\n".join(map(scribe.document, documents)).replace("\n", newline)
    _, before, faults = parse_documents(text)
    assert faults == [], text
    assume([item.value for item in before] == documents)  # a comment right of a block scalar's text became part of it

    shown = format_text(text, file)

    assert [item.value for item in parse_documents(shown.text)[1]] == documents
    assert comments_of(shown.text) == sorted(scribe.comments)
    assert format_text(shown.text, file).text == shown.text
    assert "\r" not in shown.text
    assert shown.text.endswith("\n")


@settings(max_examples=60, deadline=None)
@given(st.text(st.sampled_from("ab:-#'\"|> \n\t[]{},&*!?%0+"), max_size=40))
def test_any_text_is_formatted_or_reported(text):
    shown = format_text(text, "a.yaml")
    if shown.diagnostics:
        assert shown.text == text
    else:
        assert format_text(shown.text, "a.yaml").text == shown.text
