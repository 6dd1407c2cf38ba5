"""What the end of a run brings with it: runs of listening workflows, notices, pauses."""

from sqlalchemy import select

from engine.store.tables import firings, notifications

SOURCE = "tasks:\n  a: {run: echo, outputs: {day: string}}\noutputs: {day: '${{ tasks.a.outputs.day }}'}\n"
LISTENER = """
inputs: {{day: {{type: string}}}}
triggers:
  after:
    workflow: {{name: up, states: [succeeded]}}
    if: trigger.run.outputs.day != 'never'
    inputs: {{day: "${{{{ trigger.run.outputs.day }}}}"}}
tasks: {{t: {{set: {{day: "${{{{ inputs.day }}}}"}}}}}}
"""
FAILS = """
max_consecutive_failures: 2
triggers: {often: {every: 1h}}
notify:
  - {on: [failed, paused], webhook: {url: "https://example.org/hook"}}
  - {on: [recovered], email: {to: [data@example.org]}}
tasks: {a: {run: echo}}
"""


def run(api, play, name, **given):
    run_id = api.post(f"/api/v1/workflows/{play.namespace}/{name}/runs", json={}).json()["id"]
    play.settle()
    play.carry_out(run_id, **given)
    play.settle()
    return run_id


def listed(api, play, name):
    return api.get("/api/v1/runs", params={"workflow": f"{play.namespace}/{name}"}).json()["items"]


def test_a_listener_runs_after_a_success_with_its_outputs(api, play):
    play.files(up=SOURCE, down=LISTENER.format())
    play.worker()
    upstream = run(api, play, "up", outputs={"day": "monday"})
    (made,) = listed(api, play, "down")
    assert (made["state"], made["trigger"]) == ("succeeded", {"kind": "workflow", "name": "after"})
    shown = api.get(f"/api/v1/runs/{made['id']}").json()
    assert shown["inputs"] == {"day": "monday"}
    assert shown["trigger_details"]["run"]["id"] == upstream
    with play.database.read() as connection:
        line = connection.execute(select(firings).where(firings.c.run_id == made["id"])).one()
    assert (line.kind, line.outcome) == (f"run:{upstream}", "run")


def test_a_listener_hears_only_of_its_states_and_when_its_condition_holds(api, play):
    play.files(up=SOURCE, down=LISTENER.format())
    play.worker()
    run(api, play, "up", state="failed", reason="exit", exit_code=1)
    run(api, play, "up", outputs={"day": "never"})
    assert listed(api, play, "down") == []


def test_a_paused_listener_hears_nothing(api, play):
    play.files(up=SOURCE, down=LISTENER.format())
    play.worker()
    api.post(f"/api/v1/workflows/{play.namespace}/down/pause", json={})
    run(api, play, "up", outputs={"day": "monday"})
    assert listed(api, play, "down") == []


def test_failures_one_after_another_pause_the_triggers_and_are_told(api, play):
    play.files(w=FAILS)
    play.worker()
    shown = f"/api/v1/workflows/{play.namespace}/w"
    failure = {"state": "failed", "reason": "exit", "exit_code": 1}
    run(api, play, "w", **failure)
    assert api.get(shown).json()["pause"] is None
    last = run(api, play, "w", **failure)
    paused = api.get(shown).json()["pause"]
    assert paused["by"] == "system"
    assert paused["reason"] == f"2 runs failed one after another; the last was {last}"
    assert notices(play, last) == [(0, "failed"), (0, "paused")]
    again = run(api, play, "w", **failure)  # by hand: what rests is not put to rest again
    assert notices(play, again) == [(0, "failed")]
    api.post(f"{shown}/resume", json={})
    run(api, play, "w", **failure)  # counted anew
    assert api.get(shown).json()["pause"] is None
    assert notices(play, run(api, play, "w")) == [(1, "recovered")]


def notices(play, run_id):
    query = select(notifications.c.position, notifications.c.event).where(notifications.c.run_id == run_id)
    with play.database.read() as connection:
        return [tuple(row) for row in connection.execute(query.order_by(notifications.c.id))]
