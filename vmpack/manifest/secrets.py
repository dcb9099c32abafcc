"""What looks like a secret: for the rule that refuses them, and for blanking them wherever text is shown.

False positives cost more than a missed fancy format, so each pattern is one that a credential has and prose has not.
A value that is a variable of the shell (``$TOKEN``, ``%TOKEN%``) is no secret: it is read on the VM.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

PASSWORD = "a password"  # noqa: S105 - its kind, not a password
"""The kind that is told by a name beside it, and so only where commands or parameters stand."""

# A literal: not a variable, and not a placeholder such as <password>.
_LITERAL = r"""(?!\\?['"]?[$%<{*])(?P<secret>'[^'\s]{3,}'|\\?"[^"\\\s]{3,}\\?"|[^\s'"\\&|;<>,]{3,})"""
_WORDS = "password|passwd|passphrase|secret|api[_-]?key|access[_-]?key|access[_-]?token|auth[_-]?token"
_TOKENS = (
    r"gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{40,}|glpat-[A-Za-z0-9_-]{20,}|AKIA[A-Z0-9]{16}"
    r"|xox[abprs]-[A-Za-z0-9-]{20,}"
    r"|eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}"
)
# Kind, a word that every match holds (so that clean text costs no regular expression), the pattern.
_PATTERNS = (
    ("a SAS signature", "sig=", r"[?&;]sig=(?P<secret>[A-Za-z0-9%+/=_-]{16,})"),
    ("a storage account key", "accountkey", r"AccountKey\s*=\s*(?P<secret>[A-Za-z0-9+/]{20,}={0,2})"),
    (
        "a shared access key",
        "sharedaccess",
        r"SharedAccess(?:Key|Signature)\s*=\s*(?P<secret>[^\s;'\"]{16,})",
    ),
    (
        "a private key",
        "private key",
        r"-----BEGIN (?:\w+ )*PRIVATE KEY-----(?P<secret>(?s:.+?))(?:-----END|\Z)",
    ),
    ("a token", "", rf"(?<![A-Za-z0-9_-])(?P<secret>(?-i:{_TOKENS}))"),
    ("a bearer token", "bearer", r"\bBearer\s+(?P<secret>[A-Za-z0-9._~+/-]{16,}=*)"),
    (
        "a password in a URL",
        "://",
        r"\b[a-z][a-z0-9+.-]{0,20}://[^\s/:@'\"]{0,80}:(?P<secret>(?![$%<{*])[^\s/@'\"]{3,})@",
    ),
    (PASSWORD, "", rf"(?<![\w-])[\w-]{{0,60}}(?:{_WORDS}|pwd)\\?[\"']?\s*[=:]\s*{_LITERAL}"),
    (PASSWORD, "", rf"(?<!\S)(?:--?|/)[\w-]{{0,60}}(?:{_WORDS}|token)\s+(?!-){_LITERAL}"),
)
_HINT = r"pass|pwd|secret|key|token|gh._|_pat_|glpat|akia|xox|eyj"
_NAME = rf"(?:^|[_-])(?:{_WORDS}|account[_-]?key|private[_-]?key|token)$"
_HARMLESS = (
    r"""\\?['"]?(?:true|false|null|none|yes|no|on|off|\d{1,3}|/\S*|\.{1,2}/\S*|[A-Za-z]:\\\S*)\\?['"]?"""
)


class Secret(NamedTuple):
    """A stretch of text that is a credential; ``kind`` names it without showing it."""

    kind: str
    start: int
    end: int


def find(text: str) -> Iterator[Secret]:
    """Give every stretch that looks like a secret, the same stretch perhaps twice."""
    folded = text.casefold()
    for kind, word, pattern in _PATTERNS:
        if word not in folded if word else not _compiled(_HINT).search(folded):
            continue
        for match in _compiled(pattern).finditer(text):
            if kind != PASSWORD or not _compiled(_HARMLESS).fullmatch(match["secret"]):
                yield Secret(kind, *match.span("secret"))


def names_a_secret(name: str) -> bool:
    """Tell whether a property of this name would hold a secret: ``password``, ``dbPassword``, ``api_key``."""
    return bool(_compiled(_NAME).search(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)))


def is_literal(value: str) -> bool:
    """Tell whether a value is neither empty, nor a variable, nor a path or a switch."""
    return bool(re.fullmatch(_LITERAL, value)) and not _compiled(_HARMLESS).fullmatch(value)


def redact(text: str) -> str:
    """Blank every secret with as many asterisks, so that columns stay where they are."""
    for secret in list(find(text)):
        text = text[: secret.start] + "*" * (secret.end - secret.start) + text[secret.end :]
    return text


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)
