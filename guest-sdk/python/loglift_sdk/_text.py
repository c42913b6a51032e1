"""Bytes and text."""

EXCERPT_CHARACTERS = 100


def decode(value: bytes) -> str:
    """The text of bytes: sequences that are not UTF-8 are shown as U+FFFD."""
    return value.decode("utf-8", "replace")


def encode(text: str) -> bytes:
    """The bytes of a text: a half of a surrogate pair, which has none, becomes a question mark."""
    return text.encode("utf-8", "replace")


def excerpt(text: str) -> str:
    """A value as an alarm shows it: no more than its first characters."""
    return text if len(text) <= EXCERPT_CHARACTERS else f"{text[:EXCERPT_CHARACTERS]}..."
