"""From registry and goal to a list of actions, each with its reason (internal/actionplan/actionplan.go: New)."""

from collections.abc import Iterator, Sequence

from vmpack.vm.agent.model import Action, Application, Entry, Operation, Registry
from vmpack.vm.agent.versions import same_version

_LAST = 1 << 40


def plan(registry: Registry, goal: Sequence[Application]) -> tuple[Action, ...]:
    """Give the actions in the order in which the agent performs them, one after the other, never in parallel.

    First what left the profile, whatever its order was; then the ordered applications, ascending, in list order
    where orders are equal; then those without an order. Only failures change the course afterwards (``machine``).
    """
    wanted = {application.name for application in goal}
    removals = [_implicit(entry) for entry in registry.values() if entry.name not in wanted]
    ordered = sorted(goal, key=lambda application: _LAST if application.order is None else application.order)
    groups = (list(_explicit(registry, application)) for application in ordered)
    return (*removals, *_numbered(groups))


def _implicit(entry: Entry) -> Action:
    if entry.operation is Operation.SKIPPED:
        return Action(
            Operation.CLEANUP,
            entry,
            "left the profile after it was skipped: forgotten without its remove command",
        )
    return Action(Operation.REMOVE, entry, "left the profile")


def _explicit(registry: Registry, application: Application) -> Iterator[Action]:
    entry = registry.get(application.name)
    flag = application.treat_failure_as_deployment_failure
    new = Entry.of(application)
    if entry is None:
        yield Action(Operation.INSTALL, new, "not in the registry", application.order, 0, flag)
    elif not same_version(entry.version, application.version):
        yield from _change(entry, new, application)
    elif entry.reboots > 0:
        yield Action(
            entry.operation,
            entry,
            f"interrupted by reboot {entry.reboots}, and scriptBehaviorAfterReboot is Rerun",
            application.order,
            0,
            flag,
        )


def _change(entry: Entry, new: Entry, application: Application) -> Iterator[Action]:
    """Update, or remove and install: it is the INCOMING version's update command that counts, up or down."""
    told = f"version {entry.version} is registered and {new.version} is wanted"
    flag = application.treat_failure_as_deployment_failure
    if application.update:
        yield Action(Operation.UPDATE, new, told, application.order, 0, flag)
        return
    # The flag of this one is hard-coded false: a failed RemoveForUpdate never fails the deployment.
    yield Action(
        Operation.REMOVE_FOR_UPDATE,
        entry,
        f"{told}, which has no update command",
        application.order,
        0,
        False,
    )
    yield Action(Operation.INSTALL, new, "after the old version was removed", application.order, 0, flag)


def _numbered(groups: Iterator[list[Action]]) -> Iterator[Action]:
    for number, group in enumerate(groups, 1):
        for action in group:
            yield Action(
                action.operation,
                action.entry,
                action.reason,
                action.order,
                number,
                action.treat_failure_as_deployment_failure,
            )
