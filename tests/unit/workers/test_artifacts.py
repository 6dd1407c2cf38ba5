from pathlib import Path

import pytest

from workers.artifacts import ArtifactsError, Limits, choose

FILES = ("a.txt", "b.csv", "out/c.txt", "out/deep/d.txt", "out/deep/e.csv", "[x].txt")


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    work = tmp_path / "work"
    for name in FILES:
        path = work / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return work


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("a.txt", ["a.txt"]),
        ("./a.txt", ["a.txt"]),
        ("*.txt", ["[x].txt", "a.txt"]),
        ("[x].txt", ["[x].txt"]),
        ("?.csv", ["b.csv"]),
        ("out", ["out/c.txt", "out/deep/d.txt", "out/deep/e.csv"]),
        ("out/", ["out/c.txt", "out/deep/d.txt", "out/deep/e.csv"]),
        ("out/*.txt", ["out/c.txt"]),
        ("**/*.csv", ["b.csv", "out/deep/e.csv"]),
        ("out/**/*.txt", ["out/c.txt", "out/deep/d.txt"]),
        ("../work/a.txt", []),
        ("*.none", []),
    ],
)
def test_patterns(directory: Path, pattern: str, names: list[str]) -> None:
    found, unmatched = choose(directory, [pattern], Limits())
    assert [chosen.name for chosen in found] == names
    assert unmatched == ([] if names else [pattern])


def test_links_are_never_followed(directory: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "key").write_text("secret")
    (directory / "file").symlink_to(tmp_path / "outside" / "key")
    (directory / "folder").symlink_to(tmp_path / "outside")
    (directory / "inside").symlink_to(directory / "a.txt")
    found, _ = choose(directory, ["**"], Limits())
    assert [chosen.name for chosen in found] == sorted(FILES)


def test_a_file_that_several_patterns_match_is_kept_once(directory: Path) -> None:
    found, unmatched = choose(directory, ["*.txt", "a.*"], Limits())
    assert ([chosen.name for chosen in found], unmatched) == (["[x].txt", "a.txt"], [])


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        (Limits(bytes_max=20), "larger than 20 bytes in all"),
        (Limits(files_max=2), "more than 2 files"),
    ],
)
def test_limits(directory: Path, limits: Limits, message: str) -> None:
    with pytest.raises(ArtifactsError, match=message):
        choose(directory, ["**"], limits)


def test_names_that_nobody_can_use_are_left_out(directory: Path) -> None:
    (directory / "line\nfeed.txt").write_text("x")
    with (directory / "caf\udce9.txt").open("w") as file:
        file.write("x")
    found, _ = choose(directory, ["*.txt"], Limits())
    assert [chosen.name for chosen in found] == ["[x].txt", "a.txt"]
