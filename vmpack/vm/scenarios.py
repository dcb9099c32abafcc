"""What may happen to an application on a thousand VMs, each story a few lines of data.

``new`` is the release under test; ``old`` the one given with ``--from``, else the same package under a lower
number; ``older`` and ``next`` are the same packages under numbers further down and up.
"""

from typing import Literal

from vmpack.values import dataclass
from vmpack.vm.execution import Interruption

Role = Literal["older", "old", "new", "next"]
Trouble = Literal["missing", "truncated", "corrupted"]
Expectation = Literal["succeeds", "refuses", "fails", "refuses or succeeds", "anything"]
Place = Literal["no zstd", "no zstd and no python", "read-only", "full", "noexec", "repaired"]


@dataclass(frozen=True, slots=True)
class App:
    """The application under test in a goal state."""

    role: Role
    order: int | None = None
    updates: bool = True
    """False: as if this version had no update command."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Another application of the same VM."""

    name: str
    works: bool
    order: int | None = None


@dataclass(frozen=True, slots=True)
class Enable:
    """A goal state reaches the VM."""

    apps: tuple[App | Neighbour, ...] = ()
    expect: Expectation = "succeeds"
    """Of the application under test. ``refuses``: its command fails and changes nothing. ``fails``: its command
    fails."""
    package: Trouble | None = None
    config: Literal["missing", "absent", "overridden"] | None = None
    """``missing``: its download fails. ``absent``: deployed without one. ``overridden``: another of the deployer's."""
    interrupt: Interruption | None = None
    """``after`` is a share of the time that a plain install takes."""
    environment: Literal["agent", "empty"] = "agent"
    umask: str = "022"
    rerun: bool | None = None
    """Overrides scriptBehaviorAfterReboot."""
    place: Place | None = None
    """What the system is like from the moment the downloads have arrived."""


@dataclass(frozen=True, slots=True)
class Change:
    """Something happens to the system between two goal states."""

    place: Place


@dataclass(frozen=True, slots=True)
class Forget:
    """The registry is lost: a crash between its rename and its write (facts, section 6)."""


@dataclass(frozen=True, slots=True)
class Healthy:
    """The release's own checks hold."""

    role: Role = "new"


@dataclass(frozen=True, slots=True)
class SameModes:
    """Every file has the mode that an install with umask 022 gives it."""


@dataclass(frozen=True, slots=True)
class Clean:
    """Nothing is left but what the release declares."""


Step = Enable | Change | Forget | Healthy | SameModes | Clean
Need = Literal["config", "none", "zstd", "mount", "disposable"]


@dataclass(frozen=True, slots=True)
class Scenario:
    """One story."""

    name: str
    summary: str
    steps: tuple[Step, ...]
    needs: tuple[Need, ...] = ()
    size: str = "50%"
    """How much the system may hold, as tmpfs understands it."""


OLDER, OLD, NEW, NEXT = ((App(role),) for role in ("older", "old", "new", "next"))
REMOVED = (Enable(()), Clean())
RECOVERED = (Enable(NEXT), Healthy("next"), *REMOVED)


def _interrupted(kind: Literal["reboot", "terminate", "crash"], *, rerun: bool | None = None) -> Enable:
    return Enable(NEW, "anything", interrupt=Interruption(kind, 0.5), rerun=rerun)


SCENARIOS: tuple[Scenario, ...] = (
    Scenario("install", "a first install on a clean machine", (Enable(NEW), Healthy())),
    Scenario(
        "install-again",
        "the agent lost its registry and installs once more over what is there",
        (Enable(NEW), Forget(), Enable(NEW), Healthy(), *REMOVED),
    ),
    Scenario("remove", "install, then leave the profile", (Enable(NEW), *REMOVED)),
    Scenario(
        "remove-twice",
        "a reboot while remove ends: the agent runs it again after boot",
        (Enable(NEW), Enable((), "anything", interrupt=Interruption("reboot", None)), *REMOVED),
        ("disposable",),
    ),
    Scenario(
        "remove-absent",
        "remove although the install never happened",
        (Enable(NEW, "anything", package="missing"), *REMOVED),
    ),
    Scenario("update", "from an older version", (Enable(OLD), Enable(NEW), Healthy(), *REMOVED)),
    Scenario(
        "update-from-nothing",
        "the first install failed, the next version comes as an update",
        (Enable(NEW, "anything", package="missing"), *RECOVERED),
    ),
    Scenario(
        "update-half-installed",
        "the install died of a SIGTERM to its whole group and is never retried; the next version must mend it",
        (_interrupted("terminate"), *RECOVERED),
        ("disposable",),
    ),
    Scenario(
        "update-no-command",
        "an upgrade to a version without update command: remove finds the new bytes under the old name",
        (Enable(OLD), Enable((App("next", updates=False),)), Healthy("next"), *REMOVED),
    ),
    Scenario("downgrade", "back to the older version", (Enable(NEW), Enable(OLD), Healthy("old"), *REMOVED)),
    Scenario(
        "two-versions-ago",
        "three versions in a row, the folders of the first two still lying about",
        (Enable(OLDER), Enable(OLD), Enable(NEXT), Healthy("next"), *REMOVED),
    ),
    Scenario(
        "package-missing",
        "the download fails; the agent runs the command all the same",
        (Enable(NEW, "refuses", package="missing"),),
    ),
    Scenario(
        "package-truncated",
        "half of the package arrives, and the agent does not notice",
        (Enable(NEW, "refuses", package="truncated"),),
    ),
    Scenario(
        "package-corrupted",
        "one byte of the package is wrong, and the agent does not notice",
        (Enable(NEW, "refuses", package="corrupted"),),
    ),
    Scenario(
        "config-missing",
        "the config's download fails, then the next version arrives whole",
        (Enable(NEW, "anything", config="missing"), *RECOVERED),
        ("config",),
    ),
    Scenario(
        "config-absent",
        "deployed without the config file",
        (Enable(NEW, config="absent"), *REMOVED),
        ("config",),
    ),
    Scenario(
        "config-overridden",
        "whoever deploys gives a config of their own",
        (Enable(NEW, config="overridden"), Healthy(), *REMOVED),
        ("config",),
    ),
    Scenario(
        "no-zstd",
        "an image without the zstd program",
        (Change("no zstd"), Enable(NEW), Healthy(), *REMOVED),
        ("disposable", "zstd"),
    ),
    Scenario(
        "no-zstd-no-python",
        "an image without zstd and without Python: install, or refuse before anything is changed",
        (Change("no zstd and no python"), Enable(NEW, "refuses or succeeds")),
        ("disposable",),
    ),
    Scenario(
        "read-only",
        "a file system that turned read-only, then was mended",
        (Enable(NEW, "fails", place="read-only"), Change("repaired"), *RECOVERED),
        ("mount",),
    ),
    Scenario(
        "disk-full",
        "no space left, then some is made",
        (Enable(NEW, "fails", place="full"), Change("repaired"), *RECOVERED),
        ("mount",),
    ),
    Scenario(
        "noexec",
        "/var and /tmp mounted noexec, as hardened images do",
        (Enable(NEW, place="noexec"), Healthy(), *REMOVED),
        ("mount",),
    ),
    Scenario(
        "reboot-none",
        "a reboot in the middle of install with scriptBehaviorAfterReboot None: Azure calls it done",
        (_interrupted("reboot", rerun=False), *RECOVERED),
        ("none", "disposable"),
    ),
    Scenario(
        "reboot-rerun",
        "a reboot in the middle of install with Rerun: the same command runs again from its start",
        (_interrupted("reboot", rerun=True), Enable(NEW, rerun=True), Healthy(), *REMOVED),
        ("disposable",),
    ),
    Scenario(
        "killed",
        "SIGKILL or power loss in the middle: the agent takes the app for present; the next version must mend it",
        (_interrupted("crash"), *RECOVERED),
        ("disposable",),
    ),
    Scenario(
        "minimal-environment",
        "not one variable set, not even PATH",
        (Enable(NEW, environment="empty"), Healthy(), Enable((), environment="empty"), Clean()),
    ),
    Scenario(
        "umask",
        "umask 077: files must have the same modes all the same",
        (Enable(NEW, umask="077"), SameModes(), Healthy(), *REMOVED),
    ),
    Scenario(
        "five-applications",
        "five applications, the one after this fails, the later ones are skipped",
        (
            Enable(
                (
                    Neighbour("first", True, 1),
                    App("new", 2),
                    Neighbour("third", False, 3),
                    Neighbour("fourth", True, 4),
                    Neighbour("fifth", True),
                )
            ),
            Healthy(),
        ),
    ),
    Scenario(
        "skipped-then-updated",
        "skipped because a lower order failed, then the next version arrives as an update of nothing",
        (
            Enable((Neighbour("first", False, 1), App("new", 2)), "anything"),
            Enable((Neighbour("other", True, 1), App("next", 2))),
            Healthy("next"),
            *REMOVED,
        ),
    ),
)
