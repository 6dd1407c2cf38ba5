"""Commits and who waits for them: the topic under which a process's notifier tells of news."""


def topic_of(source: str) -> str:
    """Return the notifier's topic for what becomes of the commits of a source."""
    return f"commits of {source}"
