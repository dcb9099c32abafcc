"""The one place where errors become text and exit codes."""

import errno
import os
import signal
import sys
from collections.abc import Sequence

import click

from vmpack.cli.console import Console
from vmpack.errors import BuildError, VmpackError

INTERRUPTED = 130


def run(arguments: Sequence[str]) -> int:
    """Run vmpack with these arguments and give the exit code."""
    from vmpack.cli.commands import vmpack

    _die_politely_on_sigterm()
    console = Console.of_process()
    try:
        code = vmpack.main(list(arguments), prog_name="vmpack", standalone_mode=False)
        sys.stdout.flush()
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
    except VmpackError as error:
        console.error(error)
        return error.exit_code
    except BrokenPipeError:
        # The reader went away; a second failure at interpreter exit would print a traceback.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        return _operating_system_error(console, error)
    except Exception:  # noqa: BLE001 - the last line before the user
        return _internal_error(console)


def _die_politely_on_sigterm() -> None:
    """Let a SIGTERM unwind the stack like Ctrl-C, so that temporary folders go away."""

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    if hasattr(signal, "SIGTERM"):
        signal.signal(signal.SIGTERM, interrupt)


def _operating_system_error(console: Console, error: OSError) -> int:
    remedies = {
        errno.ENOSPC: "Free some space, or choose another place with -o or VMPACK_CACHE_DIR.",
        errno.EDQUOT: "Free some space, or choose another place with -o or VMPACK_CACHE_DIR.",
        errno.EACCES: "Check the permissions of that path.",
        errno.EROFS: "Choose another place with -o.",
    }
    told = BuildError(
        error.strerror or str(error),
        remedy=remedies.get(error.errno or 0, ""),
        where=str(error.filename or ""),
        rule="operating-system",
    )
    console.error(told)
    return told.exit_code


def _internal_error(console: Console) -> int:
    kind, value, _ = sys.exc_info()
    console.error(
        VmpackError(
            f"vmpack itself failed: {kind.__name__ if kind else 'error'}: {value}",
            remedy="This is a bug. Set VMPACK_DEBUG=1 to see where, and report it.",
        )
    )
    if os.environ.get("VMPACK_DEBUG"):
        import traceback

        traceback.print_exc()
    return 1
