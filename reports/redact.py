"""Keep secrets out of reports, whatever let them into the journal.

The writer of a journal must not put a secret there. A report is handed to strangers, so it does not rely on that:
every text passes through here when it is read.
"""

import re
from typing import Any

REDACTED = "[redacted]"

_WHOLE = re.compile(
    r"-----BEGIN [A-Z0-9 ]+-----.*?(?:-----END [A-Z0-9 ]+-----|\Z)"  # PEM: keys and certificates
    r"|\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?"  # JSON web tokens
    r"|\bLS0tLS1CRUdJTi[\w+/=]{16,}",  # PEM in base64, as in a kubeconfig
    re.DOTALL,
)
_AFTER_NAME = re.compile(
    r"""(?ix)
    (?P<name> \b(?:bearer|authorization:\s*basic)\s+
      | --(?:token|password)[=\s]\s*
      | \b(?:client-key-data|client-certificate-data|certificate-authority-data|password|passwd)["']?\s*[:=]\s*["']?
      | \b(?:id-?token|access-?token|refresh-?token|token|client-?secret|api-?key)["']?\s*[:=]\s*["']?(?=[^\s"',;]{16})
    )
    (?P<value> [^\s"',;]{6,} )"""
)
_COOKIES = re.compile(r"(?i)(?P<name>\b(?:set-)?cookie[\"']?\s*:\s*[\"']?)(?=[\w.-]+=)[^\r\n\"']+")
_IN_URL = re.compile(r"(?P<scheme>\b(?:https?|socks5h?)://)[^/\s:@]+:[^/\s@]+@")


def redact(text: str) -> str:
    """The text without bearer tokens, passwords, cookies, keys and certificates."""
    text = _WHOLE.sub(REDACTED, text)
    text = _AFTER_NAME.sub(lambda found: found["name"] + REDACTED, text)
    text = _COOKIES.sub(lambda found: found["name"] + REDACTED, text)
    return _IN_URL.sub(lambda found: f"{found['scheme']}{REDACTED}@", text)


def redact_all(value: Any) -> Any:
    """The same for every text in a JSON value, and for an argument that follows its option in a list."""
    match value:
        case str():
            return redact(value)
        case list():
            return [REDACTED if _is_argument(value, i) else redact_all(item) for i, item in enumerate(value)]
        case dict():
            return {redact(key): redact_all(item) for key, item in value.items()}
        case _:
            return value


def _is_argument(items: list[Any], index: int) -> bool:
    return index > 0 and items[index - 1] in ("--token", "--password") and isinstance(items[index], str)
