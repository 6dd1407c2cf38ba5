"""YAML 1.2 with positions: text to JSON values, each of which knows where it was written."""

from dsl.yaml.document import Document, parse_documents
from dsl.yaml.source import Source

__all__ = ["Document", "Source", "parse_documents"]
