"""Text as both databases take it."""


def plain_text(text: str) -> str:
    """Return the text without U+0000 and lone surrogates, which PostgreSQL cannot hold (each becomes U+FFFD)."""
    return text.replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
