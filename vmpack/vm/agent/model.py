"""What the agent remembers, is told, and plans."""

from collections.abc import Mapping
from enum import IntEnum
from typing import TypeAlias

from vmpack.types import JSONValue, RebootBehavior
from vmpack.values import dataclass

EXTENSION = "Microsoft.CPlat.Core.VMApplicationManagerLinux"
EXTENSION_VERSION = "1.0.16"
DATA_FOLDER = f"/var/lib/waagent/{EXTENSION}"
"""Application folders lie here, without the extension's version (platform: pkg/utils/utils_linux.go)."""
EXTENSION_FOLDER = f"/var/lib/waagent/{EXTENSION}-{EXTENSION_VERSION}"
LOG_FOLDER = f"/var/log/azure/{EXTENSION}"
LOCK_FILE = f"{EXTENSION_FOLDER}/config/VMApp.lockfile"
MAX_REBOOTS = 3
"""actionplan/executehelper.go: MaxReboots."""


class Operation(IntEnum):
    """``ongoingOperation`` of the registry, in the agent's numbers (packageregistry.go: ActionEnum)."""

    NO_ACTION = 0
    INSTALL = 1
    UPDATE = 2
    REMOVE = 3
    REMOVE_FOR_UPDATE = 4
    FAILED = 5
    SKIPPED = 6
    CLEANUP = 7

    @property
    def label(self) -> str:
        """The agent's word for it: ``RemoveForUpdate``."""
        return "".join(part.capitalize() for part in self.name.split("_"))


@dataclass(frozen=True, slots=True)
class Application:
    """One application of the VM's profile, as the goal state names it and the gallery describes it."""

    name: str
    version: str
    install: str
    remove: str
    update: str = ""
    order: int | None = None
    package_file_name: str = ""
    """Empty: the application's name, without any extension."""
    config_file_name: str = ""
    """Empty: the application's name and ``_config``."""
    has_config: bool = False
    reboot_behavior: RebootBehavior = "None"
    treat_failure_as_deployment_failure: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """One application in ``applicationRegistry.active``."""

    name: str
    version: str
    install: str
    remove: str
    update: str
    package_file_name: str
    config_file_name: str
    has_config: bool
    reboot_behavior: RebootBehavior
    operation: Operation = Operation.NO_ACTION
    download_dir: str = ""
    result: str = ""
    reboots: int = 0

    @classmethod
    def of(cls, application: Application) -> "Entry":
        """Make the entry of an incoming application; default file names as in packageregistry/utils.go."""
        return cls(
            application.name,
            application.version,
            application.install,
            application.remove,
            application.update,
            application.package_file_name or application.name,
            application.config_file_name or f"{application.name}_config",
            application.has_config,
            application.reboot_behavior,
        )

    @property
    def folder(self) -> str:
        """The working directory of its commands: ``<data>/<name>/<version>`` (GetWorkingDirectory)."""
        return f"{DATA_FOLDER}/{self.name}/{self.version}"

    def as_json(self) -> dict[str, JSONValue]:
        """Give the entry as the registry file holds it (facts, section 10)."""
        return {
            "applicationName": self.name,
            "version": self.version,
            "install": self.install,
            "remove": self.remove,
            "update": self.update,
            "directOnly": False,
            "configExists": self.has_config,
            "ongoingOperation": int(self.operation),
            "downloadDir": self.download_dir,
            "packageFileName": self.package_file_name,
            "configFileName": self.config_file_name,
            "isDeleted": False,
            "result": self.result,
            "rebootBehavior": int(self.reboot_behavior == "Rerun"),
            "numRebootsOccurred": self.reboots,
        }


Registry: TypeAlias = Mapping[str, Entry]
"""By application name; the agent's own order of iteration is random, ours is that of first installation."""


@dataclass(frozen=True, slots=True)
class Action:
    """One step of the plan."""

    operation: Operation
    entry: Entry
    reason: str
    order: int | None = None
    group: int = 0
    """Actions of one group depend on each other: when one fails, the rest of its group is dropped."""
    treat_failure_as_deployment_failure: bool = False

    @property
    def implicit(self) -> bool:
        """Whether nobody asked for it by name: the application left the profile."""
        return self.operation in (Operation.REMOVE, Operation.CLEANUP)


@dataclass(frozen=True, slots=True)
class Row:
    """One element of the status message's ``ActionsPerformed``."""

    package: str
    version: str
    operation: str
    result: str
    treat_failure_as_deployment_failure: bool

    def as_json(self) -> dict[str, JSONValue]:
        """Give the keys in the agent's order (actionplan.go: PackageOperationResult)."""
        return {
            "package": self.package,
            "version": self.version,
            "operation": self.operation,
            "result": self.result,
            "treatFailureAsDeploymentFailure": self.treat_failure_as_deployment_failure,
            "timestamp": "",
        }
