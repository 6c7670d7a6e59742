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
