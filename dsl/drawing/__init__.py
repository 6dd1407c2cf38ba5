"""The graph of a workflow's tasks, drawn: as text, as Mermaid, as SVG. Pure, from the compiled workflow."""

from dsl.drawing.mermaid import mermaid
from dsl.drawing.svg import svg
from dsl.drawing.text import text

__all__ = ["mermaid", "svg", "text"]
