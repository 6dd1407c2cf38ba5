"""Secrets that are not declared, tasks that never run, credentials written out."""

import pytest

from dsl.loader import load_text


def found(body: str) -> list[tuple[str, int, int]]:
    return [(item.code, item.line, item.column) for item in load_text(f"name: w\n{body}", "w.yaml").diagnostics]


SLACK = "https://hooks.slack.com/services/T0123/B0123/abcdefghijkl"
USING = [
    "env: {K: '${{ secrets.KEY }}'}\ntasks:\n  a: {run: x}\n",
    "tasks:\n  a: {run: x, env: {K: '${{ secrets.KEY }}'}}\n",
    "tasks:\n  a: {container: {image: 'x:1', registry: KEY}}\n",
    "finally:\n  b: {run: x, env: {K: '${{ secrets.KEY }}'}}\ntasks:\n  a: {run: x}\n",
]
OF_THE_ENGINE = [
    "triggers: {t: {webhook: {secret: KEY}}}\ntasks:\n  a: {run: x}\n",
    "notify: [{on: [failed], webhook: {url: '${{ secrets.KEY }}'}}]\ntasks:\n  a: {run: x}\n",
]


@pytest.mark.parametrize("body", USING)
def test_a_secret_is_declared_wherever_it_is_used(body: str) -> None:
    assert found(f"secrets: [KEY]\n{body}") == []
    ((code, line, column),) = found(body)
    text = f"name: w\n{body}".splitlines()[line - 1]
    assert (code, text[column - 1 : column + 2]) == ("E0340", "KEY")


@pytest.mark.parametrize("body", OF_THE_ENGINE)
def test_what_the_engine_reads_itself_needs_no_declaration(body: str) -> None:
    assert found(body) == found(f"secrets: [KEY]\n{body}") == []


@pytest.mark.parametrize("body", ["secrets: [KEY]\ntasks:\n  a: {run: x}\n", "tasks:\n  a: {run: x, secrets: [KEY]}\n"])
def test_a_secret_that_nothing_uses_is_a_warning(body: str) -> None:
    assert [code for code, _, _ in found(body)] == ["W0342"]


@pytest.mark.parametrize(
    ("url", "warned"),
    [
        (SLACK, True),
        ("https://chat.example.org/hook?token=abcdef123456", True),
        ("https://chat.example.org/hook?token=${{ inputs.p }}", False),
        ("https://chat.example.org/hook?room=ops", False),
    ],
)
def test_addresses_of_notifications_hold_no_credentials(url: str, warned: bool) -> None:
    notify = f"notify: [{{on: [failed], webhook: {{url: '{url}'}}}}]\n"
    body = f"inputs: {{p: {{type: string}}}}\n{notify}tasks:\n  a: {{run: x}}\n"
    assert [code for code, _, _ in found(body)] == (["W0341"] if warned else [])


def test_a_misspelt_secret_names_the_right_one() -> None:
    body = "name: w\nsecrets: [API_KEY]\ntasks:\n  a: {run: x, env: {K: 'v ${{ secrets.API_KEI }}'}}\n"
    item = next(item for item in load_text(body, "w.yaml").diagnostics if item.code == "E0340")
    assert (item.line, item.column, item.hint) == (4, 39, "did you mean 'API_KEY'?")


def test_all_that_waits_for_a_task_that_never_runs_is_told_once_each() -> None:
    body = (
        "tasks:\n  c: {needs: [b], run: x}\n  b: {needs: [a], run: x}\n  a: {run: x, if: 'false'}\n"
        "  d: {needs: [a], run: x, if: always()}\n"
    )
    assert found(body) == [("W0337", 3, 3), ("W0337", 4, 3), ("W0335", 5, 19)]


@pytest.mark.parametrize(
    ("env", "warned"),
    [
        ("{DB_PASSWORD: hunter22}", True),
        ("{DB_PASSWORD: '${{ inputs.p }}'}", False),
        ("{DB_PASSWORD_FILE: /run/secrets/db}", False),
        ("{PASSWORD_MIN_LENGTH: twelve}", False),
        ("{URL: 'https://user:pass@example.org'}", True),
        ("{URL: 'https://example.org/@user'}", False),
        ("{NOTE: ghp_0123456789abcdefghijklmnopqrstuvwxyzAB}", True),
    ],
)
def test_credentials(env: str, warned: bool) -> None:
    body = f"inputs: {{p: {{type: string}}}}\nenv: {env}\ntasks:\n  a: {{run: x}}\n"
    assert [code for code, _, _ in found(body)] == (["W0341"] if warned else [])
