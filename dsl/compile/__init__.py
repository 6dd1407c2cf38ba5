"""From a checked document to the workflow that the engine runs."""

from dsl.compile.workflow import Lines, compile_workflow

__all__ = ["Lines", "compile_workflow"]
