"""The table of commands: each is imported only when it is called."""

import importlib

import click

from vmpack import __version__
from vmpack.cli.console import Console

COMMANDS = {
    "init": ("vmpack.cli.init", "Start a new application: a manifest and a folder to fill."),
    "validate": ("vmpack.cli.validate", "Check manifests by schema and by the platform's rules."),
    "build": ("vmpack.cli.build", "Build releases from manifests."),
    "inspect": ("vmpack.cli.inspect", "Show what a package, a release or a remote blob holds."),
    "verify": ("vmpack.cli.verify", "Prove a release: digests, limits, reproducibility."),
    "test": ("vmpack.cli.test", "Play a release through the agent's behaviour on a throw-away system."),
    "explain": ("vmpack.cli.explain", "Say in plain words what a status, a log or an instance view means."),
    "publish": ("vmpack.cli.publish", "Upload a release as block blobs and give the links for the gallery."),
    "links": ("vmpack.cli.links", "Renew the links of a published release."),
    "list": ("vmpack.cli.list", "List what lies in a container."),
    "unpublish": ("vmpack.cli.unpublish", "Delete a published version, with guards."),
    "doctor": ("vmpack.cli.doctor", "Say what works on this machine, and what is missing for the rest."),
    "cache": ("vmpack.cli.cache", "Show, prune or clear the build cache."),
    "template": ("vmpack.cli.template", "List, show, make and test installer templates."),
    "schema": ("vmpack.cli.schema", "Print the JSON Schema of vmapp.json for editors."),
}
"""Name, module with a click command called ``command``, and the line that the help shows."""


def _be_quiet(ctx: click.Context, _param: click.Parameter, quiet: bool) -> None:
    if quiet:
        ctx.obj = Console.of_process(quiet=True)


_QUIET = click.Option(
    ["-q", "--quiet"],
    is_flag=True,
    expose_value=False,
    callback=_be_quiet,
    help="Say nothing but results and errors.",
)


def _may_be_quiet(command: click.Command) -> click.Command:
    """Let a command and those below it understand ``-q``, before and behind their names; may be done again."""
    if _QUIET not in command.params:
        command.params.append(_QUIET)
    for below in command.commands.values() if isinstance(command, click.Group) else ():
        _may_be_quiet(below)
    return command


class LazyGroup(click.Group):
    """A group that knows its commands by name and imports one only to run it."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Give the names in the order of a release's life."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import and give one command."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(COMMANDS[cmd_name][0]).command
        command.name = cmd_name
        return _may_be_quiet(command)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or suggest the nearest."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            import difflib

            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            hint = f" Did you mean '{near[0]}'?" if near else ""
            ctx.fail(f"No such command '{args[0]}'.{hint}")
        return super().resolve_command(ctx, args)


@click.group(
    cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, "-V", "--version", message="vmpack %(version)s")
@click.pass_context
def vmpack(ctx: click.Context) -> None:
    """Build, test and publish Azure VM applications.

    Exit codes: 0 ok, 1 unexpected, 2 usage, 3 manifest or template invalid, 4 build failed or limit exceeded,
    5 publish failed, 6 verification or test failed, 130 interrupted.
    """
    ctx.obj = ctx.obj or Console.of_process()


_may_be_quiet(vmpack)
