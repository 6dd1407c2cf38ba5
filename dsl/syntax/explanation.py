"""The slow answer: every violation of the schema in a document, in the words of its author.

jsonschema, the reference implementation, finds the violations; the table below turns each keyword into diagnostics.
Where alternatives exist, the one whose type fits is explained, so that one typo is one diagnostic.
"""

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, Final

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

from dsl.stages import STAGES
from dsl.syntax.gate import published
from dsl.syntax.keywords import counts, dependent, enumeration, forbidden, pattern, repeated, size, type_fault
from dsl.syntax.objects import missing, one_of, unknown
from dsl.syntax.patterns import check_pattern
from dsl.syntax.runner_kinds import RunnerKinds, runner_kinds
from dsl.syntax.violations import Breach, Violation

_EXPLAINERS: Final[dict[str, Callable[[Breach], Iterator[Violation]]]] = {
    "additionalProperties": unknown,
    "required": missing,
    "type": type_fault,
    "enum": enumeration,
    "pattern": pattern,
    "minimum": size,
    "maximum": size,
    "exclusiveMinimum": size,
    "minItems": counts,
    "maxItems": counts,
    "minLength": counts,
    "maxLength": counts,
    "minProperties": counts,
    "maxProperties": counts,
    "uniqueItems": repeated,
    "oneOf": one_of,
    "dependentRequired": dependent,
    "not": forbidden,
}

_SAID_MAX: Final = 200
_PLAIN: Final = frozenset(_EXPLAINERS) - {"additionalProperties", "oneOf", "not", "dependentRequired"}
"""Keywords that mean the same however a schema uses them."""


def reference_validator(schema: str = "workflow") -> Any:
    """Return jsonschema's validator for a schema, with `pattern` as ECMA 262 (and the fast gate) reads it."""
    return _validator(schema, runner_kinds())


@cache
def _validator(schema: str, _kinds: RunnerKinds) -> Any:
    validator: Any = extend(Draft202012Validator, {"pattern": check_pattern})  # type: ignore[no-untyped-call]
    return validator(published(schema))


def explain(document: Any, schema: str = "workflow") -> list[Violation]:
    """Return every violation of a schema in a document; none if it fits."""
    found = [item for error in reference_validator(schema).iter_errors(document) for item in _explain(error)]
    return list(dict.fromkeys(found))


def _explain(error: ValidationError) -> Iterator[Violation]:
    kind = _runner_kind(error)
    if kind is not None and not _is_plain(error):
        yield _in_its_words(error, kind)
        return
    if error.validator != "anyOf":
        breach = _breach(error)
        if breach.keyword == "oneOf" and not isinstance(error.instance, dict):
            return  # its branches speak of fields: that this is no map is a violation of its own
        yield from _EXPLAINERS[breach.keyword](breach)
        return
    branch = _fitting_branch(error)
    if branch is None:
        yield from type_fault(_breach(error))
    for inner in branch or ():
        yield from _explain(inner)


def _runner_kind(error: ValidationError) -> str | None:
    """Return the kind in whose block the error lies, if a package has added it."""
    path = list(error.absolute_path)
    inside = len(path) > 2 and path[0] in STAGES and path[2] in runner_kinds().schemas
    return str(path[2]) if inside else None


def _is_plain(error: ValidationError) -> bool:
    """Whether the error is told as our own schemas' are. Another's may use what ours do not."""
    schema = error.schema if isinstance(error.schema, dict) else {}
    closed = error.validator == "additionalProperties" and "patternProperties" not in schema
    return closed or error.validator in _PLAIN


def _in_its_words(error: ValidationError, kind: str) -> Violation:
    said = error.message if len(error.message) <= _SAID_MAX else f"{error.message[:_SAID_MAX]}…"
    return Violation("E0116", f"does not fit the schema of kind '{kind}': {said}", tuple(error.absolute_path))


def _breach(error: ValidationError) -> Breach:
    steps = [str(step) for step in error.absolute_schema_path]
    because = steps[steps.index("dependentSchemas") + 1] if "dependentSchemas" in steps else ""
    path: tuple[str | int, ...] = tuple(error.absolute_path)
    schema = error.schema if isinstance(error.schema, dict) else {}
    keyword, wanted = str(error.validator), error.validator_value
    return Breach(keyword, wanted, error.instance, schema, path, "propertyNames" in steps, because)


def _fitting_branch(error: ValidationError) -> list[ValidationError] | None:
    """Return the errors of the first alternative whose type fits the value, or None."""
    branches: dict[Any, list[ValidationError]] = {}
    for inner in error.context or ():
        branches.setdefault(inner.schema_path[0], []).append(inner)
    fitting = (items for items in branches.values() if not any(_is_of_type(item, error) for item in items))
    return next(fitting, None)


def _is_of_type(inner: ValidationError, outer: ValidationError) -> bool:
    return inner.validator == "type" and list(inner.absolute_path) == list(outer.absolute_path)
