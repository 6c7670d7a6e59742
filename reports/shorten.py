"""Long texts made short: a report must open anywhere, and its journal has all of them."""


def clip(text: str, limit: int) -> str:
    """The text, without its middle when it is too long: the end of a traceback says most."""
    if len(text) <= limit:
        return text
    head = limit // 3
    left_out = len(text) - limit
    return f"{text[:head]}\n… {left_out} characters left out; all of it is in the journal …\n{text[-(limit - head) :]}"


def clip_end(text: str, limit: int) -> str:
    """The text's beginning, where there is no room for more."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def first_lines(text: str, most: int = 10) -> str:
    """The text's first lines, and how many more there are where it is longer than so many."""
    lines = text.splitlines()
    if len(lines) <= most:
        return text
    return "\n".join([*lines[: most - 1], f"… and {len(lines) - most + 1} more lines, which the evidence has"])
