"""Codes of tasks, and of what the engine does not carry out yet."""

from typing import Final

from dsl.codes.entry import Code, workflow

TASKS: Final = (
    Code(
        "E0301",
        "task without a kind",
        "A task has exactly one kind: that is the field that says what it does.",
        workflow("tasks:\n  a: {timeout: 5m}\n"),
        3,
        3,
        workflow("tasks:\n  a: {timeout: 5m, run: x}\n"),
    ),
    Code(
        "E0302",
        "task with several kinds",
        "A task has exactly one kind; only `container` and `run` go together.",
        workflow("tasks:\n  a: {run: x, wait: 5m}\n"),
        3,
        15,
        workflow("tasks:\n  a: {run: x}\n  b: {needs: [a], wait: 5m}\n"),
    ),
    Code(
        "E0303",
        "unknown kind",
        "There is no kind of this name.",
        workflow("tasks:\n  a: {rnu: x}\n"),
        3,
        7,
        workflow("tasks:\n  a: {run: x}\n"),
    ),
    Code(
        "E0304",
        "id given twice",
        "Two tasks of a list have the same id.",
        workflow("tasks:\n  - {id: a, run: x}\n  - {id: a, run: y}\n"),
        4,
        10,
        workflow("tasks:\n  - {id: a, run: x}\n  - {id: b, run: y}\n"),
    ),
    Code(
        "E0312",
        "unknown need",
        "A task needs one that does not exist.",
        workflow("tasks:\n  extract: {run: x}\n  load: {needs: [extrct], run: x}\n"),
        4,
        18,
        workflow("tasks:\n  extract: {run: x}\n  load: {needs: [extract], run: x}\n"),
    ),
    Code(
        "E0313",
        "tasks need each other",
        "Tasks that need each other, or themselves, would wait for ever.",
        workflow("tasks:\n  a: {needs: [b], run: x}\n  b: {needs: [a], run: x}\n"),
        4,
        15,
        workflow("tasks:\n  a: {run: x}\n  b: {needs: [a], run: x}\n"),
    ),
    Code(
        "E0320",
        "id that expressions cannot name",
        "Ids of tasks, inputs and outputs are used in expressions, where a hyphen is a minus and some words are taken. "
        "They are lower-case letters, digits and `_`.",
        workflow("tasks:\n  my-task: {run: x}\n"),
        3,
        3,
        workflow("tasks:\n  my_task: {run: x}\n"),
    ),
    Code(
        "E0330",
        "retry contradicts itself",
        "The longest wait is shorter than the first one.",
        workflow("tasks:\n  a: {run: x, retry: {max_attempts: 3, delay: 1m, max_delay: 5s}}\n"),
        3,
        62,
        workflow("tasks:\n  a: {run: x, retry: {max_attempts: 3, delay: 5s, max_delay: 1m}}\n"),
    ),
    Code(
        "W0331",
        "retry that does nothing",
        "`max_attempts` counts the first attempt, and without it nothing is tried again; twice no delay is none.",
        workflow("tasks:\n  a: {run: x, retry: {delay: 5s}}\n"),
        3,
        15,
        workflow("tasks:\n  a: {run: x, retry: {max_attempts: 3, delay: 5s}}\n"),
    ),
    Code(
        "E0332",
        "expression in a script",
        "What an expression gives would become code of the script: whoever controls the value controls the script. "
        "Hand it over as an environment variable, which stays data.",
        workflow('inputs: {day: {type: string}}\ntasks:\n  a: {run: "report ${{ inputs.day }}"}\n'),
        4,
        20,
        workflow(
            'inputs: {day: {type: string}}\ntasks:\n  a: {run: \'report "$DAY"\', env: {DAY: "${{ inputs.day }}"}}\n'
        ),
    ),
    Code(
        "W0333",
        "image that may change",
        "An image without a tag, or with `latest`, may be another one at the next pull: a run could not be repeated.",
        workflow("tasks:\n  a: {container: {image: busybox}}\n"),
        3,
        26,
        workflow('tasks:\n  a: {container: {image: "busybox:1.37"}}\n'),
    ),
    Code(
        "W0334",
        "timeout that is never reached",
        "An attempt may take longer than the whole run.",
        workflow("timeout: 1h\ntasks:\n  a: {run: x, timeout: 2h}\n"),
        4,
        24,
        workflow("timeout: 2h\ntasks:\n  a: {run: x, timeout: 1h}\n"),
    ),
    Code(
        "W0335",
        "constant condition",
        "The condition is the same in every run.",
        workflow('tasks:\n  a: {run: x, if: "true"}\n'),
        3,
        19,
        workflow("tasks:\n  a: {run: x, if: always()}\n"),
    ),
    Code(
        "W0336",
        "output that may be absent",
        "An output of a task that was skipped or failed is absent, and using it fails the task that does. Ask with "
        "`has(…)` first, where that can happen.",
        workflow(
            "tasks:\n  a: {run: x, outputs: {rows: integer}}\n"
            '  b: {needs: [a], if: always(), run: x, env: {ROWS: "${{ tasks.a.outputs.rows }}"}}\n'
        ),
        4,
        53,
        workflow(
            "tasks:\n  a: {run: x, outputs: {rows: integer}}\n"
            '  b: {needs: [a], run: x, env: {ROWS: "${{ tasks.a.outputs.rows }}"}}\n'
        ),
    ),
    Code(
        "W0337",
        "task that never runs",
        "It needs a task whose condition is always false, and would only run after that one's success.",
        workflow('tasks:\n  a: {run: x, if: "false"}\n  b: {needs: [a], run: x}\n'),
        4,
        3,
        workflow("tasks:\n  a: {run: x}\n  b: {needs: [a], run: x}\n"),
        also=("W0335",),
    ),
    Code(
        "E0340",
        "secret not declared",
        "A workflow reads only the secrets that it names under `secrets`, so that a reader sees them at one glance: in "
        "its tasks, in its notifications, and to verify webhooks.",
        workflow('tasks:\n  a: {run: x, env: {KEY: "${{ secrets.API_KEY }}"}}\n'),
        3,
        39,
        workflow('secrets: [API_KEY]\ntasks:\n  a: {run: x, env: {KEY: "${{ secrets.API_KEY }}"}}\n'),
    ),
    Code(
        "W0341",
        "credential written out",
        "This looks like a password or token. Whoever can read the repository can read it, for as long as its history.",
        workflow("env: {API_TOKEN: 8f14e45fceea167a}\n"),
        2,
        18,
        workflow("env: {API_TOKEN_FILE: /run/secrets/api_token}\n"),
    ),
    Code(
        "E0360",
        "kind that the pool does not serve",
        "Whoever runs the workers declares what each pool serves (`CHRONOVERSE_POOL_KINDS`); a task of another kind "
        "would wait for ever. Only a sync makes this check: it alone knows the installation.",
        "",
        3,
        1,
        "",
        "# with CHRONOVERSE_POOL_KINDS=default=http,shell=run\n"
        "name: example\ntasks:\n  a: {run: x}           # needs `pool: shell`",
    ),
    Code(
        "W0342",
        "secret that nothing uses",
        "A secret is declared and handed on nowhere. Scripts read secrets only through `env`.",
        workflow("secrets: [API_KEY]\ntasks:\n  a: {run: x}\n"),
        2,
        11,
        workflow('secrets: [API_KEY]\ntasks:\n  a: {run: x, env: {KEY: "${{ secrets.API_KEY }}"}}\n'),
    ),
    Code(
        "E0361",
        "artifact outside the working directory",
        "`artifacts` names files below the directory that the task starts in. In a container an absolute path may name "
        "others; `..` may stand in none.",
        workflow("tasks:\n  a: {run: x, artifacts: [../out.csv]}\n"),
        3,
        27,
        workflow("tasks:\n  a: {run: x, artifacts: [out.csv]}\n"),
    ),
)
