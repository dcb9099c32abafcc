"""Whatever goes into a script comes out of it again, word by word."""

import shutil
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vmpack.installer import quoting
from vmpack.installer.quoting import QuotingError

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
SHELLS = [shell for shell in ("dash", "bash", "busybox") if shutil.which(shell)]


@pytest.mark.parametrize("shell", SHELLS)
@settings(max_examples=25, deadline=None)
@given(words=st.lists(TEXT, min_size=1, max_size=40))
def test_a_shell_reads_back_what_went_in(shell: str, words: list[str]) -> None:
    line = "printf '%s\\0' " + " ".join(map(quoting.shell, words))
    argv = [shell, "sh", "-c", line] if shell == "busybox" else [shell, "-c", line]
    done = subprocess.run(argv, capture_output=True, check=True)
    assert done.stdout.decode().split("\0")[:-1] == words


@given(TEXT)
def test_powershell_sees_one_literal(text: str) -> None:
    quoted = quoting.powershell(text)
    inner = quoted[1:-1]
    for quote in "'\u2018\u2019\u201a\u201b":
        assert inner.count(quote) == 2 * text.count(quote)
        inner = inner.replace(quote * 2, "")
    assert not set(inner) & set("'\u2018\u2019\u201a\u201b")


@pytest.mark.parametrize("quote", [quoting.shell, quoting.powershell, quoting.unit_value, quoting.unit_word])
def test_nul_is_refused(quote: object) -> None:
    with pytest.raises(QuotingError):
        quote("a\0b")  # type: ignore[operator]


@pytest.mark.parametrize("text", ["a\nExecStart=/bin/id", "a\\", " a", "a\u2028b", "\x1b"])
def test_a_unit_value_stays_on_its_line(text: str) -> None:
    with pytest.raises(QuotingError):
        quoting.unit_value(text)


@given(TEXT)
def test_a_unit_word_stays_on_its_line(text: str) -> None:
    assert len(quoting.unit_word(text).splitlines()) == 1


def test_a_list_is_taken_as_it_is() -> None:
    assert quoting.unit_command(["bin/a", "$HOME", "100%"], "/opt/a b") == '"/opt/a b/bin/a" "$$HOME" "100%%"'


def test_a_text_is_split_and_keeps_its_variables() -> None:
    assert quoting.unit_command("/bin/a 'b c' $PORT", "/opt/a") == '"/bin/a" "b c" "$PORT"'


def test_an_unclosed_quote_is_told() -> None:
    with pytest.raises(QuotingError, match="cannot be split"):
        quoting.unit_command("a 'b", "/opt/a")


@given(TEXT)
def test_a_comment_is_one_line(text: str) -> None:
    assert len(quoting.comment(text).splitlines()) <= 1


def test_windows_arguments() -> None:
    assert quoting.windows_arguments(["a b", 'c"d', "e\\"]) == '"a b" c\\"d e\\'
