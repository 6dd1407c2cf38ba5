"""A package of somebody else's: kind `sum` adds numbers."""

from collections.abc import Sequence
from typing import Any, ClassVar

from workers.config import WorkerConfig
from workers.runners.interface import Attempt, LogSink, Result, RunnerError, StopToken


class SumRunner:
    """Adds the numbers of `sum.of`."""

    kinds: Sequence[str] = ("sum",)
    schema: ClassVar[dict[str, Any]] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "description": "Adds numbers.",
        "type": "object",
        "properties": {
            "of": {"type": "array", "items": {"$ref": "#/$defs/number"}, "contains": {"const": 1}},
            "unit": {"enum": ["euro", "dollar"]},
        },
        "required": ["of"],
        "additionalProperties": False,
        "$defs": {"number": {"anyOf": [{"type": "number"}, {"type": "string", "pattern": r"\$\{\{"}]}},
    }

    def __init__(self, config: WorkerConfig) -> None:
        """Take the worker's configuration."""

    def run(self, attempt: Attempt, sink: LogSink, stop: StopToken) -> Result:
        """Add."""
        numbers = attempt.spec["of"]
        if not all(isinstance(number, int | float) for number in numbers):
            raise RunnerError("sum.of must hold numbers")
        sink.line("stdout", f"adding {len(numbers)} numbers")
        return stop.outcome(attempt.grace_seconds) if stop.requested else Result.succeeded({"total": sum(numbers)})

    def close(self) -> None:
        """Give back nothing."""
