"""The one place where errors become text and exit codes."""

import io
import os
import signal
import sys
from collections.abc import Sequence

import click

from vmpack.cli import failure
from vmpack.cli.console import Console
from vmpack.errors import VmpackError

INTERRUPTED = 130


def run(arguments: Sequence[str]) -> int:
    """Run vmpack with these arguments and give the exit code."""
    from vmpack.cli.commands import vmpack

    _die_politely()
    _never_stumble_over_a_letter()
    console = Console.of_process()
    try:
        code = vmpack.main(list(arguments), prog_name="vmpack", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except click.exceptions.NoArgsIsHelpError as help_wanted:
        help_wanted.show()
        return 2
    except click.ClickException as error:
        error.show()
        return 2
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted", err=True)
        return INTERRUPTED
    except BrokenPipeError:
        _abandon_stdout()
        return 1
    except failure.OutputError as error:
        _abandon_stdout()
        console.error(error)
        return error.exit_code
    except VmpackError as error:
        return _failed(console, error, arguments)
    except OSError as error:
        return _failed(console, failure.of_system(error), arguments)
    except Exception as error:  # noqa: BLE001 - the last line before the user
        return _failed(console, _bug(error), arguments)


def _die_politely() -> None:
    """Let SIGTERM and SIGHUP unwind the stack like Ctrl-C, so that temporary folders go away."""

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        # What nohup has set to be ignored stays ignored.
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, interrupt)


def _never_stumble_over_a_letter() -> None:
    """Let a stream that cannot encode a letter show its escape: no name is worth a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _abandon_stdout() -> None:
    """Send what is still buffered nowhere: a second failure at interpreter exit would print a traceback."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _failed(console: Console, error: VmpackError, arguments: Sequence[str]) -> int:
    console.error(error)
    if "--json" in arguments:
        try:
            console.json({"schemaVersion": 1, "error": failure.document(error)})
        except (failure.OutputError, BrokenPipeError):
            _abandon_stdout()
    return error.exit_code


def _bug(error: Exception) -> VmpackError:
    if os.environ.get("VMPACK_DEBUG"):
        import traceback

        traceback.print_exc()
    return VmpackError(
        f"vmpack itself failed: {type(error).__name__}: {error}",
        remedy="This is a bug. Set VMPACK_DEBUG=1 to see where, and report it.",
    )
