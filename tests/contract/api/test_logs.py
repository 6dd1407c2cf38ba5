import json

import pytest

TWO = "tasks:\n  a: {run: echo}\n  b: {run: echo}\n"


@pytest.fixture
def run(api, play):
    play.files(two=TWO)
    play.worker()
    run_id = api.post(f"/api/v1/workflows/{play.namespace}/two/runs").json()["id"]
    play.advance()
    return run_id


def events(response) -> list[tuple[str, str, object]]:
    found = []
    for block in response.text.replace("\r\n", "\n").split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if "event" in fields:
            found.append((fields["event"], fields.get("id", ""), json.loads(fields["data"])))
    return found


def written(play, run_id: str) -> None:
    a, b = play.claim(run_id, 0), play.claim(run_id, 1)
    play.log(run_id, a, "one", "two")
    play.log(run_id, b, "three", ordinal=1)
    play.log(run_id, a, "four")
    play.finish(run_id, a, 0, log_batches=2)
    play.finish(run_id, b, 1, log_batches=1)


def test_a_log_is_whole_in_the_order_it_was_written(api, play, run):
    written(play, run)
    page = api.get(f"/api/v1/runs/{run}/logs").json()
    assert [(line["task"], line["text"]) for line in page["items"]] == [
        ("a", "one"),
        ("a", "two"),
        ("b", "three"),
        ("a", "four"),
    ]
    assert page["complete"]
    assert page["next"] is None


def test_a_log_can_be_cut_to_one_task_or_its_tail(api, play, run):
    written(play, run)

    def texts(**params: object) -> list[str]:
        return [line["text"] for line in api.get(f"/api/v1/runs/{run}/logs", params=params).json()["items"]]

    assert texts(task="a") == ["one", "two", "four"]
    assert texts(tail=3) == ["two", "three", "four"]
    assert texts(tail=2, task="a") == ["two", "four"]
    assert texts(tail=100) == ["one", "two", "three", "four"]
    assert texts(task="nothing") == []


def test_a_log_as_text_has_a_line_for_each_line(api, play, run):
    written(play, run)
    answer = api.get(f"/api/v1/runs/{run}/logs", params={"format": "text"})
    assert answer.headers["content-type"].startswith("text/plain")
    assert [line.split(" ", 1)[1] for line in answer.text.splitlines()] == [
        "a stdout one",
        "a stdout two",
        "b stdout three",
        "a stdout four",
    ]


def test_a_log_goes_on_at_its_cursor(api, play, run):
    written(play, run)
    page = api.get(f"/api/v1/runs/{run}/logs", params={"cursor": "1"}).json()
    assert [line["text"] for line in page["items"]] == ["three", "four"]


def test_a_followed_log_ends_when_all_announced_lines_are_there(api, play, run):
    written(play, run)
    found = events(api.get(f"/api/v1/runs/{run}/logs/stream"))
    assert [kind for kind, _, _ in found] == ["lines", "lines", "lines", "end"]
    assert [line["text"] for _, _, lines in found[:-1] for line in lines] == ["one", "two", "three", "four"]
    assert found[-1][2] == {"state": "succeeded", "incomplete": False}


def test_a_follower_that_comes_back_goes_on_where_it_was(api, play, run):
    written(play, run)
    all_of_them = events(api.get(f"/api/v1/runs/{run}/logs/stream"))
    again = events(api.get(f"/api/v1/runs/{run}/logs/stream", headers={"Last-Event-ID": all_of_them[0][1]}))
    assert again == all_of_them[1:]


def test_a_log_with_lines_that_never_came_ends_as_incomplete(api, play, run):
    a, b = play.claim(run, 0), play.claim(run, 1)
    play.log(run, a, "one")
    play.finish(run, a, 0, log_batches=3)
    play.finish(run, b, 1)
    assert not api.get(f"/api/v1/runs/{run}/logs").json()["complete"]
    play.clock.forward(seconds=31)
    found = events(api.get(f"/api/v1/runs/{run}/logs/stream"))
    assert found[-1][2] == {"state": "succeeded", "incomplete": True}
