import pytest

from engine.sync.git.refs import Chosen, NoRefError, Ref, Selector, is_ref_name

A, B, C, D = ("a" * 40, "b" * 40, "c" * 40, "d" * 40)
BRANCHES = "it has the branches main, next"
REFS = [
    Ref("HEAD", A, "refs/heads/main"),
    Ref("refs/heads/main", A),
    Ref("refs/heads/next", B),
    Ref("refs/tags/v1.0.0", C),
    Ref("refs/tags/v1.0.0^{}", A),
    Ref("refs/tags/v1.1.0", D),
]


@pytest.mark.parametrize(
    ("selector", "chosen"),
    [
        (Selector(), Chosen("refs/heads/main", A)),
        (Selector(branch="next"), Chosen("refs/heads/next", B)),
        (Selector(tag="v1.0.0"), Chosen("refs/tags/v1.0.0", C)),
        (Selector(semver="1.x"), Chosen("refs/tags/v1.1.0", D)),
        (Selector(semver="~1.0"), Chosen("refs/tags/v1.0.0", C)),
        (Selector(commit=B), Chosen("refs/heads/next", B)),
        (Selector(commit="e" * 40), Chosen("", "e" * 40)),
        (Selector(ref="next"), Chosen("refs/heads/next", B)),
        (Selector(ref="v1.0.0"), Chosen("refs/tags/v1.0.0", C)),
        (Selector(ref="refs/heads/main"), Chosen("refs/heads/main", A)),
        (Selector(ref="HEAD"), Chosen("HEAD", A)),
        (Selector(ref="b" * 7), Chosen("refs/heads/next", B)),
        (Selector(ref="B" * 12), Chosen("refs/heads/next", B)),
        (Selector(ref="e" * 7), Chosen("", "e" * 7)),
        (Selector(ref="e" * 40), Chosen("", "e" * 40)),
    ],
)
def test_what_is_chosen(selector: Selector, chosen: Chosen) -> None:
    assert selector.choose(REFS) == chosen


@pytest.mark.parametrize(
    ("selector", "said"),
    [
        (
            Selector(ref="gone"),
            f"there is no branch or tag gone on the server\n  hint: {BRANCHES}; or 7 digits of a commit",
        ),
        (Selector(branch="gone"), "there is no branch gone on the server\n  hint: it has the branches main, next"),
        (Selector(tag="v9"), "there is no tag v9 on the server\n  hint: it has the tags v1.0.0, v1.1.0"),
        (
            Selector(semver="^2"),
            "there is no tag in the range ^2 on the server\n  hint: it has the tags v1.0.0, v1.1.0",
        ),
    ],
)
def test_what_is_not_there_says_what_is(selector: Selector, said: str) -> None:
    with pytest.raises(NoRefError) as caught:
        selector.choose(REFS)
    assert (caught.value.reason, str(caught.value)) == ("ref_not_found", said)


def test_a_repository_without_refs_is_empty() -> None:
    with pytest.raises(NoRefError) as caught:
        Selector(branch="main").choose([])
    assert caught.value.reason == "empty"


def test_a_head_that_points_nowhere_is_not_found() -> None:
    with pytest.raises(NoRefError) as caught:
        Selector().choose([Ref("refs/heads/main", A)])
    assert caught.value.reason == "ref_not_found"
    assert "set 'branch'" in str(caught.value)


@pytest.mark.parametrize("name", ["main", "feature/x", "v1.0", "a@b", "ümlaut"])
def test_names_of_refs(name: str) -> None:
    assert is_ref_name(name)


@pytest.mark.parametrize("name", ["", "-x", "a..b", "a b", "a~1", "x.lock", "a//b", "/a", "a/", "a.", "@", "a:b", "a*"])
def test_what_no_ref_can_be_called(name: str) -> None:
    assert not is_ref_name(name)


def test_digits_that_several_references_begin_with_are_looked_up_among_everything() -> None:
    refs = [Ref("refs/heads/one", "a" * 39 + "1"), Ref("refs/heads/two", "a" * 39 + "2")]
    assert Selector(ref="a" * 7).choose(refs) == Chosen("", "a" * 7)


def test_a_commit_that_only_an_annotated_tag_leads_to_is_fetched_by_its_own_name() -> None:
    refs = [Ref("refs/tags/v1", C), Ref("refs/tags/v1^{}", A)]
    assert Selector(commit=A).choose(refs) == Chosen("", A)
    assert Selector(ref="a" * 7).choose(refs) == Chosen("", A)


def test_it_says_what_was_asked_for() -> None:
    assert [str(item) for item in (Selector(ref="topic"), Selector(branch="b"), Selector())] == [
        "topic",
        "branch b",
        "the default branch",
    ]
