"""A task whose kind its pool does not serve is a diagnostic, where the installation says what pools serve."""

from dsl.loader import load_text
from dsl.pool_kinds import refuse_lacking

TEXT = """\
name: example
tasks:
  fine: {set: {a: 1}}
  a: {run: x}
finally:
  b: {http: {url: "https://example.org"}, pool: web}
"""
KINDS = {"default": ("http",), "shell": ("run",), "web": ("http",)}


def test_nothing_declared_lacks_nothing() -> None:
    loaded = load_text(TEXT, "w.yaml")
    assert refuse_lacking(loaded, {}) is loaded
    assert refuse_lacking(loaded, {"elsewhere": ("run",)}) == loaded


def test_the_task_is_named_and_the_pools_that_serve_its_kind() -> None:
    refused = refuse_lacking(load_text(TEXT, "w.yaml"), KINDS)
    assert refused.workflows == ()
    (found,) = refused.diagnostics
    assert (found.code, found.line, found.hint) == ("E0360", 4, "pools that do: shell")
    assert "'a'" in found.message
    assert "'default'" in found.message


def test_hooks_are_looked_at_too_and_engine_kinds_need_no_pool() -> None:
    refused = refuse_lacking(load_text(TEXT, "w.yaml"), {"default": ("run",), "web": ()})
    (found,) = refused.diagnostics
    assert (found.line, found.hint) == (6, "no declared pool does; ask whoever runs the workers")


def test_a_faulty_file_takes_its_neighbours_in_it_along_and_no_others() -> None:
    both = load_text(TEXT + "---\n" + TEXT.replace("name: example", "name: other"), "w.yaml")
    assert refuse_lacking(both, KINDS).workflows == ()
