"""What the one layout is, by example."""

from pathlib import Path
from textwrap import dedent

import pytest

from dsl.codes import CODES
from dsl.formatting import UnsafeFormatError, format_text, formatter
from dsl.loader import load_text

ROOT = Path(__file__).parents[4]


def formatted(text: str, file: str = "a.yaml") -> str:
    result = format_text(dedent(text), file)
    assert result.diagnostics == ()
    assert format_text(result.text, file).text == result.text
    return result.text


def check(text: str, wanted: str, file: str = "a.yaml") -> None:
    assert formatted(text, file) == dedent(wanted).removeprefix("\n")


def test_keys_come_in_the_order_of_the_reference_and_user_named_maps_keep_theirs():
    check(
        """
        tasks:
          zeta: {env: {B: 1, A: 2}, run: z, needs: [alpha]}
          alpha: {run: a}
        env: {Z: 1, A: 2}
        name: x
        """,
        """
        name: x
        env: {Z: 1, A: 2}

        tasks:
          zeta: {needs: [alpha], run: z, env: {B: 1, A: 2}}
          alpha: {run: a}
        """,
    )


def test_comments_go_with_what_they_are_about():
    check(
        """
        # of the file

        # of the tasks
        tasks:   # beside the tasks
            # of a
            a:
                run: x # beside run
                # at the end of a
            # at the end of the tasks
        # of the name
        name: x
        # at the end
        """,
        """
        # of the file

        # of the name
        name: x

        # of the tasks
        tasks:  # beside the tasks
          # of a
          a:
            run: x  # beside run
            # at the end of a
          # at the end of the tasks
        # at the end
        """,
    )


def test_a_modeline_stays_at_the_top():
    check(
        """
        # yaml-language-server: $schema=s.json
        tasks: {}
        name: x
        """,
        """
        # yaml-language-server: $schema=s.json
        name: x
        tasks: {}
        """,
    )


def test_tasks_of_several_lines_stand_apart_and_short_ones_as_their_author_likes():
    check(
        """
        name: x


        tasks:

          a:
            run: a
          b:
            run: b


          c: {run: c}
        finally:
          d: {run: d}
          e: {run: e}

          f: {run: f}
        """,
        """
        name: x

        tasks:
          a:
            run: a

          b:
            run: b

          c: {run: c}

        finally:
          d: {run: d}
          e: {run: e}

          f: {run: f}
        """,
    )


def test_quotes_stand_where_they_are_needed():
    check(
        """
        name: 'x'
        labels: {a: "plain", b: "yes", c: '1', d: "2026-01-01", e: "a, b", f: '"it"', g: "${{ inputs.x }}"}
        env:
          "A": "${{ inputs.x }}"
          B: "a: b"
          C: "!x"
          D: "0 2 * * *"
        """,
        """
        name: x
        labels: {a: plain, b: "yes", c: "1", d: "2026-01-01", e: "a, b", f: '"it"', g: "${{ inputs.x }}"}

        env:
          A: ${{ inputs.x }}
          B: "a: b"
          C: "!x"
          D: "0 2 * * *"
        """,
    )


def test_texts_of_several_lines_are_blocks():
    check(
        r"""
        tasks:
          a:
            run: "echo a\necho b\n"
          b:
            run: |+
                echo a

                  echo b
          c:
            run: >
                folded
                as it was

                here
          d:
            run: |2
                indented
        """,
        """
        tasks:
          a:
            run: |
              echo a
              echo b

          b:
            run: |
              echo a

                echo b

          c:
            run: >
              folded
              as it was

              here

          d:
            run: |2
                indented
        """,
    )


def test_letters_of_all_languages_need_no_quotes_and_what_cannot_be_seen_is_an_escape():
    check(
        """
        description: 'Café, 東京 👩\u200d💻'
        labels: {a: "x\u0085y", b: "non\u00a0breaking", c: "\ufeff"}
        """.replace("\x85", "\\x85").replace("\ufeff", "\\uFEFF"),
        """
        description: Café, 東京 👩\u200d💻
        labels: {a: "x\\x85y", b: non\u00a0breaking, c: "\\ufeff"}
        """,
    )


def test_text_that_was_broken_over_lines_is_one_line_a_block_or_quoted():
    long = "word " * 40
    shown = formatted(f"""
        name: a
         b
        description:
          {long}
          {long}
        env:
          A: one

            two
          B: [one

            two]
        """)
    assert shown.startswith("name: a b\n\ndescription: >-\n  word word")
    assert max(map(len, shown.splitlines())) <= 120
    assert "  A: |-\n    one\n    two\n" in shown
    assert '  B: ["one\\ntwo"]\n' in shown


def test_blank_lines_that_are_text_stay():
    text = "name: x\ntasks:\n  a: {run: b}\n  c:\n    run: |+\n      echo\n\n\n  d:\n    run: e\n"
    assert "|+\n      echo\n\n\n  d:" in formatted(text)


def test_long_flow_collections_become_blocks_and_short_ones_one_line():
    check(
        """
        labels: {a: 1,
            b: 2}
        secrets: [FIRST_OF_MANY_SECRETS, SECOND_OF_MANY_SECRETS, THIRD_OF_MANY_SECRETS,
            FOURTH_OF_MANY_SECRETS, AND_A_FIFTH_ONE_LONGER]
        """,
        """
        labels: {a: 1, b: 2}

        secrets:
          - FIRST_OF_MANY_SECRETS
          - SECOND_OF_MANY_SECRETS
          - THIRD_OF_MANY_SECRETS
          - FOURTH_OF_MANY_SECRETS
          - AND_A_FIFTH_ONE_LONGER
        """,
    )


def test_comments_in_flow_collections_make_blocks_of_them():
    check(
        """
        labels: {a: 1, # one
            # two
            b: 2}
        secrets: [ # none
        ]
        """,
        """
        labels:
          a: 1  # one
          # two
          b: 2

        # none
        secrets: []
        """,
    )


def test_comments_that_were_aligned_stay_aligned():
    check(
        """
        name: 'x'             # one
        namespace: yy         # two
        labels: {a: 1} # three
        """,
        """
        name: x        # one
        namespace: yy  # two
        labels: {a: 1}  # three
        """,
    )


def test_lists_are_indented_and_their_comments_stand_before_the_dash():
    check(
        """
        notify:
        -
          # of the first
          webhook: {url: x}
          on: [failed]
        - - a
          - b # c
        """,
        """
        notify:
          # of the first
          - on: [failed]
            webhook: {url: x}
          - - a
            - b  # c
        """,
    )


def test_anchors_merges_and_tags_stay():
    check(
        """
        defaults: &d
            timeout: 1m
            pool: &p "x"
        tasks:
          a: {<<: *d, run: !!str 12}
          b: &b [*p, &q x]
          ? c
          : *b
        """,
        """
        defaults: &d
          timeout: 1m
          pool: &p x

        tasks:
          a: {<<: *d, run: !!str 12}
          b: &b [*p, &q x]
          c: *b
        """,
    )


def test_nothing_moves_where_an_anchor_would_come_after_its_use():
    check("tasks: {a: &x 1}\nname: *x\n", "tasks: {a: &x 1}\nname: *x\n")


def test_several_documents_and_their_marks():
    check(
        """
        %YAML 1.2
        --- # one
        name: a
        ...
        # of two
        ---
        name: b
        ---
        """,
        """
        ---  # one
        name: a
        # of two
        ---
        name: b
        ---
        """,
    )


def test_comments_beneath_a_key_without_a_value():
    check("env:\n    # A: 1\nname: x\n", "name: x\n\nenv:\n  # A: 1\n")


@pytest.mark.parametrize(("text", "wanted"), [("", ""), ("\n\n", ""), ("# only\n\n# this", "# only\n\n# this\n")])
def test_files_without_a_document(text, wanted):
    assert formatted(text, "_defaults.yaml") == wanted


def test_breaks_of_other_systems_and_a_byte_order_mark_go():
    assert format_text(b"\xef\xbb\xbfname: x\r\nlabels: {}\r\n", "a.yaml").text == "name: x\nlabels: {}\n"


@pytest.mark.parametrize("text", ["a: [", "a: 1\na: 2", "\tx: 1", "a: *b", b"\xff"])
def test_a_faulty_file_comes_back_as_it_is_with_its_diagnostics(text):
    result = format_text(text, "a.yaml")
    assert result.diagnostics
    assert result.text == result.given


def test_a_result_that_means_something_else_is_refused(monkeypatch):
    monkeypatch.setattr(formatter, "write", lambda documents, comments: "name: y\n")
    with pytest.raises(UnsafeFormatError, match=r"^a\.yaml cannot be formatted: document 1 would mean something else"):
        format_text("name: x", "a.yaml")


def test_a_lost_comment_is_refused(monkeypatch):
    monkeypatch.setattr(formatter, "write", lambda documents, comments: "name: x\n")
    with pytest.raises(UnsafeFormatError, match="a comment would be lost"):
        format_text("name: x # y", "a.yaml")


@pytest.mark.parametrize("entry", [item for item in CODES.values() if item.right], ids=lambda item: item.code)
def test_what_a_workflow_is_stays_the_same_to_the_byte_of_its_digest(entry):
    def digests(text):
        return [item.digest for item in load_text(text, "w.yaml").workflows]

    shown = format_text(entry.right, "w.yaml").text
    assert digests(shown) == digests(entry.right)
    assert format_text(shown, "w.yaml").text == shown


@pytest.mark.parametrize("path", sorted((ROOT / "workflows").glob("*.yaml")), ids=lambda path: path.name)
def test_this_repository_is_formatted(path):
    text = path.read_text(encoding="utf-8")
    assert format_text(text, str(path)).text == text
