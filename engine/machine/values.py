"""An attempt's outputs checked against the types declared for them, when it ends."""

from collections.abc import Mapping
from typing import Any

from dsl.model import ValueType
from dsl.values import is_of_type


def output_faults(outputs: Mapping[str, Any], declared: Mapping[str, ValueType]) -> list[str]:
    """Return what is wrong with an attempt's outputs, a sentence each; empty when all is well."""
    faults = [f"output '{name}' was declared and is missing" for name in declared if name not in outputs]
    for name, kind in declared.items():
        if name in outputs and not is_of_type(outputs[name], kind):
            faults.append(f"output '{name}' must be of type {kind}, and is {_shown(outputs[name])}")
    return faults


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
