"""Who plays in a scenario: releases under the numbers of their roles, and neighbours that work or break."""

from pathlib import Path

from vmpack.release.model import Release
from vmpack.values import dataclass
from vmpack.vm.agent import Application
from vmpack.vm.execution import Files
from vmpack.vm.scenarios import App, Enable, Neighbour, Role


@dataclass(frozen=True, slots=True)
class Cast:
    """The releases behind the roles."""

    new: Release
    old: Release | None = None
    """An older release given by hand."""

    def release(self, role: Role) -> Release:
        """Give the release that plays a role, still under its own number."""
        return self.old if self.old and role in ("old", "older") else self.new

    def version(self, role: Role) -> str:
        """Give the number a role appears under; relabelled packages differ in nothing else."""
        if role == "new" or (role == "old" and self.old):
            return self.release(role).version
        taken = {self.new.version, self.old.version if self.old else ""}
        base = self.release(role).version
        steps = {"old": -1, "older": -2, "next": 1}[role]
        return _shifted(base, steps, taken)

    def application(self, app: App | Neighbour, step: Enable) -> Application:
        """Give an application of a goal state."""
        if isinstance(app, Neighbour):
            install = "true" if app.works else "echo 'broken on purpose' >&2; exit 1"
            return Application(f"neighbour-{app.name}", "1.0.0", install, "true", order=app.order)
        release = self.release(app.role)
        commands, config = release.commands, release.config
        behavior = release.reboot_behavior
        if step.rerun is not None:
            behavior = "Rerun" if step.rerun else "None"
        return Application(
            release.name,
            self.version(app.role),
            commands.install,
            commands.remove,
            (commands.update or "") if app.updates else "",
            app.order,
            release.package.file_name,
            config.file_name if config else "",
            config is not None and step.config != "absent",
            behavior,
            treat_failure_as_deployment_failure=True,
        )

    def files(self, app: App | Neighbour, step: Enable) -> Files:
        """Give what the host sends for an application."""
        if isinstance(app, Neighbour):
            return Files(b"neighbour")
        release = self.release(app.role)
        package = None if step.package == "missing" else release.package.path
        return Files(package, _config(release.config.path, step) if release.config else None)


def _config(path: Path, step: Enable) -> bytes | Path | None:
    if step.config == "missing":
        return None
    return path.read_bytes() + b"\n" if step.config == "overridden" else path


def _shifted(version: str, steps: int, taken: set[str]) -> str:
    """Give another number beside this one; the agent asks only whether two differ, not which is higher."""
    parts = [int(part) for part in version.split(".")]
    parts[-1] += steps
    if parts[-1] < 0:
        parts[-1] += 1000
    text = ".".join(map(str, parts))
    return _shifted(text, 1 if steps > 0 else -1, taken) if text in taken else text
