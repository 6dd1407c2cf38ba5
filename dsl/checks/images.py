"""Images whose content may change from one run to the next."""

from collections.abc import Iterator

from dsl.checks.subject import Subject
from dsl.diagnostics import Fault


def images(subject: Subject) -> Iterator[Fault]:
    """Find images without a tag or with `latest`."""
    for task in subject.tasks:
        image = task.block.get("container", {}).get("image", "")
        if not image or "${{" in image or "@" in image:
            continue
        _, _, tag = image.rpartition("/")[2].partition(":")
        if tag in {"", "latest"}:
            message = f"the image '{image}' has {'the tag latest' if tag else 'no tag'}: it may change at any time"
            path = (*task.path, "container", "image")
            yield subject.at_value("W0333", message, path, "name a version or a digest")
