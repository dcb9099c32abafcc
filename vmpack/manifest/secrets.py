"""What looks like a secret: for the rule that refuses them, and for blanking them wherever text is shown.

False positives cost more than a missed fancy format, so each pattern is one that a credential has and prose has not.
A value that is a variable of the shell (``$TOKEN``, ``%TOKEN%``) is no secret: it is read on the VM.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Secret:
    """A stretch of text that is a credential; ``kind`` names it without showing it."""

    kind: str
    start: int
    end: int


# A literal: not a variable, not a placeholder such as <password>, not something already blanked.
_LITERAL = r"""(?![$%<{*]|\\"|['"]?[$%<{*]|['"]?\s)(?P<secret>'[^'\s]{3,}'|"[^"\s]{3,}"|[^\s'"&|;<>]{3,})"""

_PATTERNS = (
    ("a SAS signature", re.compile(r"[?&;]sig=(?P<secret>[A-Za-z0-9%+/=_-]{16,})", re.IGNORECASE)),
    (
        "a storage account key",
        re.compile(r"AccountKey\s*=\s*(?P<secret>[A-Za-z0-9+/]{20,}={0,2})", re.IGNORECASE),
    ),
    (
        "a connection string's key",
        re.compile(
            r"(?:SharedAccessKey|SharedAccessSignature)\s*=\s*(?P<secret>[^\s;'\"]{16,})", re.IGNORECASE
        ),
    ),
    (
        "a private key",
        re.compile(r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----(?P<secret>.+?)(?:-----END|\Z)", re.DOTALL),
    ),
    (
        "a token",
        re.compile(
            r"(?<![A-Za-z0-9])(?P<secret>gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{40,}|glpat-[A-Za-z0-9_-]{20,}"
            r"|AKIA[A-Z0-9]{16}|xox[abprs]-[A-Za-z0-9-]{20,}|eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,})"
        ),
    ),
    ("a bearer token", re.compile(r"\bBearer\s+(?P<secret>(?!\$|%)[A-Za-z0-9._~+/-]{16,}=*)", re.IGNORECASE)),
    (
        "a password in a URL",
        re.compile(
            r"\b[a-z][a-z0-9+.-]*://[^\s/:@'\"]*:(?P<secret>(?![$%<{*])[^\s/@'\"]{3,})@", re.IGNORECASE
        ),
    ),
    (
        "a password",
        re.compile(
            r"(?<![A-Za-z0-9])(?:[A-Za-z0-9]*[_-])?(?:password|passwd|pwd|passphrase|secret|client[_-]?secret|api[_-]?key|access[_-]?key"
            r"|access[_-]?token|auth[_-]?token)\s*[=:]\s*" + _LITERAL,
            re.IGNORECASE,
        ),
    ),
    (
        "a password",
        re.compile(
            r"(?<!\S)(?:--?|/)(?:password|passwd|passphrase|client-secret|api-key|access-token|auth-token|token)\s+(?!-)"
            + _LITERAL,
            re.IGNORECASE,
        ),
    ),
)
_NAMES = re.compile(
    r"(?:^|[_-])(?:password|passwd|passphrase|secret|api[_-]?key|access[_-]?key|account[_-]?key|private[_-]?key|token)$",
    re.IGNORECASE,
)
_HARMLESS = re.compile(
    r"""['"]?(?:true|false|null|none|yes|no|on|off|\d{1,4}|/\S*|\.{1,2}/\S*|[A-Za-z]:\\\S*)['"]?""",
    re.IGNORECASE,
)


def find(text: str) -> Iterator[Secret]:
    """Give every stretch that looks like a secret, the same stretch perhaps twice."""
    for kind, pattern in _PATTERNS:
        for match in pattern.finditer(text):
            if not _HARMLESS.fullmatch(match["secret"]):
                yield Secret(kind, *match.span("secret"))


def name_of_secret(name: str) -> bool:
    """Tell whether a property of this name would hold a secret: ``password``, ``dbPassword``, ``api_key``."""
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return bool(_NAMES.search(snake))


def redact(text: str) -> str:
    """Blank every secret with as many asterisks, so that columns stay where they are."""
    for secret in list(find(text)):
        text = text[: secret.start] + "*" * (secret.end - secret.start) + text[secret.end :]
    return text
