"""What a client of one OpenAPI document would stumble over in another."""

from collections.abc import Iterator, Mapping
from typing import Any

Document = Mapping[str, Any]


def breaking(before: Document, after: Document) -> list[str]:
    """Return each change that breaks a client of `before`, as a line for people; none: an empty list.

    What is asked with may only be loosened (no new duties, no values taken away), what is answered only added to.
    """
    return list(_Comparison(before, after).paths())


class _Comparison:
    def __init__(self, before: Document, after: Document) -> None:
        self._before, self._after = before, after
        self._seen: set[tuple[str, bool]] = set()

    def paths(self) -> Iterator[str]:
        for path, methods in self._before["paths"].items():
            for method, operation in methods.items():
                where = f"{method.upper()} {path}"
                new = self._after["paths"].get(path, {}).get(method)
                if new is None:
                    yield f"{where}: is gone"
                else:
                    yield from self._operation(where, operation, new)

    def _operation(self, where: str, old: Document, new: Document) -> Iterator[str]:
        if old["operationId"] != new["operationId"]:
            yield f"{where}: is called {new['operationId']}, was {old['operationId']}"
        yield from self._parameters(where, old, new)
        yield from self._body(where, old.get("requestBody"), new.get("requestBody"))
        for status, answer in old["responses"].items():
            if not status.startswith("2"):
                continue  # which problems there are may change; what they look like is one type
            if status not in new["responses"]:
                yield f"{where}: does not answer {status} any more"
                continue
            there = new["responses"][status].get("content", {})
            yield from self._content(f"{where} {status}", answer.get("content", {}), there, asked=False)

    def _parameters(self, where: str, old: Document, new: Document) -> Iterator[str]:
        ours = {(each["in"], each["name"]): each for each in old.get("parameters", [])}
        theirs = {(each["in"], each["name"]): each for each in new.get("parameters", [])}
        for key, parameter in ours.items():
            place = f"{where} {key[0]}.{key[1]}"
            if key not in theirs:
                yield f"{place}: is gone"
            else:
                yield from self._schema(place, parameter["schema"], theirs[key]["schema"], asked=True)
        for key, parameter in theirs.items():
            if parameter.get("required") and not ours.get(key, {}).get("required"):
                yield f"{where} {key[0]}.{key[1]}: is required now"

    def _body(self, where: str, old: Document | None, new: Document | None) -> Iterator[str]:
        if old is None:
            if new is not None and new.get("required"):
                yield f"{where} body: is required now"
            return
        if new is None:
            yield f"{where} body: is gone"
            return
        if new.get("required") and not old.get("required"):
            yield f"{where} body: is required now"
        yield from self._content(f"{where} body", old["content"], new["content"], asked=True)

    def _content(self, where: str, old: Document, new: Document, *, asked: bool) -> Iterator[str]:
        for media_type, content in old.items():
            if media_type not in new:
                yield f"{where}: {media_type} is gone"
            else:
                schemas = content.get("schema", {}), new[media_type].get("schema", {})
                yield from self._schema(where, *schemas, asked=asked)

    def _schema(self, where: str, old: Document, new: Document, *, asked: bool) -> Iterator[str]:
        if "$ref" in old and "$ref" in new:
            if (old["$ref"], asked) in self._seen:
                return
            self._seen.add((old["$ref"], asked))
            where = f"{old['$ref'].rpartition('/')[2]} ({'asked' if asked else 'answered'})"
        old, new = _resolved(self._before, old), _resolved(self._after, new)
        yield from _types(where, old, new, asked=asked)
        yield from _values(where, old, new, asked=asked)
        yield from self._fields(where, old, new, asked=asked)
        if isinstance(old.get("items"), Mapping) and isinstance(new.get("items"), Mapping):
            yield from self._schema(f"{where}[]", old["items"], new["items"], asked=asked)
        yield from self._alternatives(where, old, new, asked=asked)

    def _fields(self, where: str, old: Document, new: Document, *, asked: bool) -> Iterator[str]:
        ours, theirs = old.get("properties", {}), new.get("properties", {})
        for name, schema in ours.items():
            if name not in theirs:
                yield f"{where}.{name}: is gone"
            else:
                yield from self._schema(f"{where}.{name}", schema, theirs[name], asked=asked)
        duties, had = set(new.get("required", [])), set(old.get("required", []))
        if asked:
            yield from (f"{where}.{name}: is required now" for name in sorted(duties - had))
        else:
            yield from (f"{where}.{name}: may be missing now" for name in sorted((had - duties) & set(theirs)))

    def _alternatives(self, where: str, old: Document, new: Document, *, asked: bool) -> Iterator[str]:
        """Compare what a value may be one of: those with the same mark are the same."""
        ours, theirs = (_marked(each.get("oneOf", [])) for each in (old, new))
        missing, added = ours.keys() - theirs.keys(), theirs.keys() - ours.keys()
        if asked and theirs:
            yield from (f"{where}: may not be {mark} any more" for mark in sorted(missing))
        if not asked and ours:
            yield from (f"{where}: may be {mark} now" for mark in sorted(added))
        for mark in sorted(ours.keys() & theirs.keys()):
            yield from self._schema(where, ours[mark], theirs[mark], asked=asked)


def _resolved(document: Document, schema: Document) -> Document:
    if "$ref" not in schema:
        return schema
    found: Document = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return found


def _kinds(schema: Document) -> set[str]:
    given = schema.get("type", [])
    return {given} if isinstance(given, str) else set(given)


def _types(where: str, old: Document, new: Document, *, asked: bool) -> Iterator[str]:
    ours, theirs = _kinds(old), _kinds(new)
    if not ours or not theirs:
        return
    lost = ours - theirs if asked else theirs - ours
    if "number" in (theirs if asked else ours):
        lost -= {"integer"}
    if lost:
        yield f"{where}: is {' or '.join(sorted(theirs))} now, was {' or '.join(sorted(ours))}"


def _values(where: str, old: Document, new: Document, *, asked: bool) -> Iterator[str]:
    """Compare enumerations. A new value in an answer breaks nobody: clients are told to expect some."""
    if "enum" in new and asked:
        allowed = {str(value) for value in new["enum"]}
        taken = {str(value) for value in old.get("enum", [])} - allowed
        yield from (f"{where}: {value!r} is gone" for value in sorted(taken))
        if "enum" not in old:
            yield f"{where}: only some values are allowed now"


def _marked(alternatives: list[Document]) -> dict[str, Document]:
    return {each.get("$ref", each.get("type", "anything")).rpartition("/")[2]: each for each in alternatives}
