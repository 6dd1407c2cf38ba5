"""From a checked document to the workflow that the engine runs."""

from dsl.compile.workflow import STAGES, Lines, compile_workflow

__all__ = ["STAGES", "Lines", "compile_workflow"]
