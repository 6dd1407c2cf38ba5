"""Files of workflow tests (`*.test.yaml`): text to cases, with the place of everything that is expected."""

from dsl.testfile.files import Loaded, load_test_file, test_files
from dsl.testfile.model import Case, Expected, ExpectedTask, Result, Took
from dsl.testfile.names import unknown_names

__all__ = [
    "Case",
    "Expected",
    "ExpectedTask",
    "Loaded",
    "Result",
    "Took",
    "load_test_file",
    "test_files",
    "unknown_names",
]
