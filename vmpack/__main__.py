"""The entry point: answers ``--version`` without importing the command line, hands over everything else."""

import sys


def main() -> None:
    """Run vmpack with the arguments of this process and exit with its code."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        from vmpack import __version__

        sys.stdout.write(f"vmpack {__version__}\n")
        return
    from vmpack.cli.run import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
