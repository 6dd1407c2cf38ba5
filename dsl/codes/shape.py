"""Codes of the shape that the JSON Schema asks for."""

from typing import Final

from dsl.codes.entry import Code, workflow

SHAPE: Final = (
    Code(
        "E0101",
        "unknown field",
        "There is no such field here. What would be ignored silently is refused instead.",
        workflow("lables: {team: data}\n"),
        2,
        1,
        workflow("labels: {team: data}\n"),
    ),
    Code(
        "E0102",
        "missing field",
        "A field that must be given is not.",
        "tasks:\n  hello: {run: x}\n",
        1,
        1,
        workflow(""),
    ),
    Code(
        "E0103",
        "wrong type",
        "The value is of another type than the field takes. Plain words are text, `true` and `false` are booleans, and "
        "nothing else is either.",
        workflow("timeout: 30\n"),
        2,
        10,
        workflow("timeout: 30s\n"),
    ),
    Code(
        "E0104",
        "value not allowed",
        "The field takes one of a few values, and this is none of them.",
        workflow("concurrency: {overlap: wait}\n"),
        2,
        24,
        workflow("concurrency: {overlap: queue}\n"),
    ),
    Code(
        "E0105",
        "wrong form",
        "Names have a form, so that they can stand in addresses, queues and files.",
        "name: Nightly Report\ntasks:\n  hello: {run: x}\n",
        1,
        7,
        "name: nightly-report\ntasks:\n  hello: {run: x}\n",
    ),
    Code(
        "E0106",
        "not a duration",
        "Durations are written with their units (`90s`, `15m`, `2h30m`, `1d`, `500ms`) or as ISO 8601 (`PT15M`), and "
        "last ten years at most.",
        workflow("timeout: 5 minutes\n"),
        2,
        10,
        workflow("timeout: 5m\n"),
    ),
    Code(
        "E0107",
        "not a size",
        "Sizes are bytes, with a unit of 1000 (`K`, `M`, `G`, `T`) or of 1024 (`Ki`, `Mi`, `Gi`, `Ti`).",
        workflow('tasks:\n  a: {container: {image: "busybox:1.37", resources: {memory: 512MB}}}\n'),
        3,
        62,
        workflow('tasks:\n  a: {container: {image: "busybox:1.37", resources: {memory: 512Mi}}}\n'),
    ),
    Code(
        "E0108",
        "not a time",
        "Times are written as RFC 3339 does, with their offset, and must exist in the calendar.",
        workflow("triggers: {t: {every: 1h, starts_at: 2026-02-30T00:00:00Z}}\n"),
        2,
        38,
        workflow("triggers: {t: {every: 1h, starts_at: 2026-02-28T00:00:00Z}}\n"),
    ),
    Code(
        "E0109",
        "out of bounds",
        "The number or duration is smaller or larger than the field takes.",
        workflow("concurrency: {limit: 0}\n"),
        2,
        22,
        workflow("concurrency: {limit: 1}\n"),
    ),
    Code(
        "E0110",
        "too few or too many",
        "A text, list or map has too little or too much in it.",
        "name: example\ntasks: {}\n",
        2,
        8,
        workflow(""),
    ),
    Code(
        "E0111",
        "listed twice",
        "An item stands in the list twice.",
        workflow("tasks:\n  a: {run: x}\n  b: {needs: [a, a], run: x}\n"),
        4,
        18,
        workflow("tasks:\n  a: {run: x}\n  b: {needs: [a], run: x}\n"),
    ),
    Code(
        "E0114",
        "exactly one is needed",
        "Of several fields that exclude each other, exactly one must be given.",
        workflow("tasks:\n  a: {http: {url: https://example.org, auth: {}}}\n"),
        3,
        40,
        workflow('tasks:\n  a: {http: {url: https://example.org, auth: {bearer: "${{ inputs.key }}"}}}\n').replace(
            "tasks:", "inputs: {key: {type: string}}\ntasks:"
        ),
    ),
    Code(
        "E0115",
        "does not go with the rest",
        "The field has no meaning beside, or without, another one.",
        workflow("triggers: {t: {every: 1h, timezone: Europe/Berlin}}\n"),
        2,
        27,
        workflow('triggers: {t: {cron: "0 * * * *", timezone: Europe/Berlin}}\n'),
    ),
    Code(
        "E0116",
        "does not fit the kind's own schema",
        "A package has added this kind of task, with a JSON Schema for its block; the message is what the schema's "
        "validator says.",
        "",
        3,
        14,
        "",
        "# with a package whose kind `sum` wants at least two different numbers\n"
        "name: example\ntasks:\n  a: {sum: {of: [1]}}",
    ),
)
