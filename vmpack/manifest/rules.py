"""Every rule of the manifest room: a stable id, what it says, and what to do.

``docs/rules.md`` is generated from this table and the gallery's, so the words stand in one place.
"""

from functools import cache
from typing import NamedTuple

from vmpack.findings import Severity


class Rule(NamedTuple):
    """One rule as it is documented; ``{name}`` in the message is filled in where the rule is broken."""

    id: str
    message: str
    remedy: str
    severity: Severity = "error"


RULES: tuple[Rule, ...] = (
    Rule(
        "manifest-missing",
        "there is no manifest here",
        "Name a vmapp.json or a folder that holds one; `vmpack init` starts one.",
    ),
    Rule(
        "manifest-not-a-file", "this is not a regular file", "Name a vmapp.json or a folder that holds one."
    ),
    Rule("manifest-unreadable", "the file cannot be read: {reason}", "Check its permissions."),
    Rule(
        "manifest-too-big",
        "the manifest has {size:,} bytes; more than {limit:,} are refused",
        "A manifest describes files, it does not hold them; move data into the payload.",
    ),
    Rule("json-empty", "the text holds no JSON value", "`vmpack init` writes a manifest to start from."),
    Rule("json-bom", "the text starts with a byte order mark", "Save it as UTF-8 without BOM."),
    Rule("json-encoding", "the text is not UTF-8{detail}", "Save it as UTF-8."),
    Rule("json-comment", "comments are not JSON", "Remove it; `description` is the place for words."),
    Rule("json-trailing-comma", "a comma stands before the closing bracket", "Remove the comma."),
    Rule("json-single-quotes", "JSON strings stand in double quotes", "Write \"…\" instead of '…'."),
    Rule(
        "json-duplicate-key",
        "the property {key!r} is given twice",
        "Keep one of the two; other readers would silently take the last.",
    ),
    Rule(
        "json-number",
        "{what} is not a number that every JSON reader reads alike",
        "Use a plain decimal number between -9007199254740991 and 9007199254740991.",
    ),
    Rule("json-nesting", "values are nested deeper than {limit} levels", "Flatten the document."),
    Rule(
        "json-character",
        "the string holds {name}, which no file name or command can hold",
        "Remove the escape.",
    ),
    Rule("json-syntax", "the text is not JSON here", "Write strict JSON (RFC 8259)."),
    Rule(
        "interpolation-undefined",
        "the variable {name} is not defined",
        "Give it with `--set {name}=…` or in the environment; write $${{ for a literal ${{.",
    ),
    Rule(
        "interpolation-syntax",
        "this is not a variable: {reason}",
        "Write ${{NAME}} with letters, digits and underscores; write $${{ for a literal ${{.",
    ),
    Rule(
        "interpolation-value",
        "the value of the variable {name} holds {what}, which no file name or command can hold",
        "Give the variable another value.",
    ),
    Rule(
        "schema-unknown-property",
        "the property {name!r} is not known here",
        "Remove it, or see docs/manifest.md for the properties there are.",
    ),
    Rule("schema-missing-property", "the property {name!r} is missing", "Add it."),
    Rule("schema-choice", "exactly one of {names} must be given, not {count}", "Keep one of them."),
    Rule("schema-type", "{where} must be {wanted}, not {given}", "Give a value of that type."),
    Rule("schema-value", "{where} cannot be {value}", "Use one of the values that are allowed."),
    Rule("schema-range", "{where} is out of range: {detail}", "Use a number within the range."),
    Rule("schema-length", "{where} has the wrong length: {detail}", "Make it longer or shorter."),
    Rule(
        "schema-pattern",
        "{where} does not have the form it must have: {detail}",
        "See the description of the property.",
    ),
    Rule("schema-unique", "{where} holds the same value twice", "Remove one of them."),
    Rule(
        "schema-other",
        "{where} is not what the schema asks for: {detail}",
        "See the description of the property.",
    ),
    Rule(
        "payload-format-os",
        "the format {format} does not fit {os}",
        "Linux packages are tar.zst, tar.gz or tar; Windows packages are zip; none fits both.",
    ),
    Rule(
        "payload-format-none",
        "the format none passes one file through and leaves no room for an installer",
        "Give commands under `actions`, or choose another format.",
    ),
    Rule(
        "payload-level",
        "level {level} does not fit {format}: {detail}",
        "Choose a level within the range, or leave `level` out.",
    ),
    Rule(
        "retains-absolute",
        "{path} is not an absolute path on {os}",
        "Name the path as it is on the VM, without `..`.",
    ),
    Rule(
        "date-format", "{value!r} is not a date", "Write YYYY-MM-DD, or a time such as 2030-01-01T00:00:00Z."
    ),
)


@cache
def _by_id() -> dict[str, Rule]:
    return {rule.id: rule for rule in RULES}


def rule(rule_id: str) -> Rule:
    """Give one rule of this room by its id."""
    return _by_id()[rule_id]
