"""The one layout of workflow files: text in, the same meaning in canonical order and layout out."""

from dsl.formatting.formatter import Formatted, UnsafeFormatError, format_text

__all__ = ["Formatted", "UnsafeFormatError", "format_text"]
