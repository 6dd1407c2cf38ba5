import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.sync.git.globs import GlobError, chosen, compiled

PATHS = ["a.yaml", "deep/a.yaml", "deep/er/b.yaml", "deep/er/a.yml", "other/x1.yaml", "other/[x].yaml"]


@pytest.mark.parametrize(
    ("glob", "taken"),
    [
        ("a.yaml", ["a.yaml", "deep/a.yaml"]),
        ("deep/*.yaml", ["deep/a.yaml"]),
        ("deep/**/*.yaml", ["deep/a.yaml", "deep/er/b.yaml"]),
        ("deep/", ["deep/a.yaml", "deep/er/b.yaml", "deep/er/a.yml"]),
        ("deep/**", ["deep/a.yaml", "deep/er/b.yaml", "deep/er/a.yml"]),
        ("**/er/*", ["deep/er/b.yaml", "deep/er/a.yml"]),
        ("?.yml", ["deep/er/a.yml"]),
        ("other/x[0-9].yaml", ["other/x1.yaml"]),
        ("other/[!x]*", ["other/[x].yaml"]),
        ("other/[[]x].yaml", ["other/[x].yaml"]),
        ("*/*.yaml", ["deep/a.yaml", "other/x1.yaml", "other/[x].yaml"]),
        ("./a.yaml", []),
    ],
)
def test_what_a_glob_takes(glob: str, taken: list[str]) -> None:
    assert [path for path in PATHS if compiled(glob).fullmatch(path)] == taken


def test_include_then_exclude() -> None:
    takes = chosen(["deep/**"], ["*.yml"])
    assert [path for path in PATHS if takes(path)] == ["deep/a.yaml", "deep/er/b.yaml"]
    assert all(map(chosen([], []), PATHS))


@pytest.mark.parametrize("glob", ["", "/a", "../a", "a/../b", "a\\b", "[a", "x" * 501, "*a" * 21, "[z-a]"])
def test_what_is_no_glob_says_so(glob: str) -> None:
    with pytest.raises(GlobError):
        compiled(glob)


@given(st.text(alphabet="ab/*?[]!-^\\.&|~ü", max_size=12), st.text(alphabet="ab/[]-.ü", max_size=12))
def test_anything_at_all_is_a_glob_or_a_glob_error(glob: str, path: str) -> None:
    with contextlib.suppress(GlobError):
        compiled(glob).fullmatch(path)
