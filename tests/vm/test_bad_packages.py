"""Packages with one classic mistake each: judged bad, for the right reason."""

import re
import shutil

import pytest

from vmpack.manifest.model import Check
from vmpack.vm.model import ScenarioResult
from vmpack.vm.running import Options, run_scenarios

CHECKED = '[ -s hello.tar ] && echo "@SHA256@  hello.tar" | sha256sum -c --quiet - && '
UNPACK = "rm -rf x && mkdir x && tar -xf hello.tar -C x && "
PLACE = (
    UNPACK + "rm -rf /opt/hello && install -d -m 0755 /opt/hello /opt/hello/bin && "
    "install -m 0755 x/bin/hello /opt/hello/bin/"
)
GOOD = CHECKED + PLACE

BAD = {
    "bashism": (
        {"install": f"[[ -s hello.tar ]] && {GOOD}"},
        "install",
        "command-failed",
        "/bin/sh, which is dash",
    ),
    "semicolons": (
        {"install": CHECKED.replace("&&", ";") + PLACE.replace("&&", ";") + "; true"},
        "package-missing",
        "no-integrity-check",
        "joined with ';' hide failures",
    ),
    "pipe": (
        {"install": f"({CHECKED} true) | tee log && true"},
        "package-corrupted",
        "no-integrity-check",
        "A pipe hides failures",
    ),
    "no integrity check": ({"install": PLACE}, "package-corrupted", "no-integrity-check", "sha256sum -c"),
    "changes before it checks": (
        {"install": f"mkdir -p /opt/hello && {GOOD}"},
        "package-truncated",
        "changed-before-refusing",
        "before anything is changed",
    ),
    "remove needs what it removes": (
        {"remove": "rm /opt/hello/bin/hello && rm -r /opt/hello"},
        "remove-absent",
        "command-failed",
        "Remove must end with 0",
    ),
    "remove forgets files": ({"remove": "rm -rf /opt/hello/bin"}, "remove", "leftovers", "retains"),
    "nohup daemon": (
        {"install": f"{GOOD} && (nohup sleep 300 >/dev/null 2>&1 &)"},
        "install",
        "lock-held",
        "systemctl start",
    ),
    "unpacks over stdout": (
        {
            "install": "tar -xf hello.tar && mkdir -p stdout.d && rm -f stdout && mv stdout.d stdout",
            "checks": (),
        },
        "remove",
        "not-started",
        "'stdout' or 'stderr'",
    ),
    "needs HOME": (
        {"install": f'set -u; mkdir -p "$HOME/.config" && {GOOD}'},
        "install",
        "command-failed",
        "no HOME",
    ),
    "needs the network": (
        {"install": f"curl -fsS https://example.com/hello -o hello && {GOOD}"},
        "install",
        "command-failed",
        "needs the network",
    ),
    "reboot without rerun": (
        {"install": f"{GOOD} && reboot"},
        "install",
        "reboot-without-rerun",
        "Rerun",
    ),
    "update needs the old one": (
        {"update": f"mv /opt/hello /opt/hello.old && rm -rf /opt/hello.old && {GOOD}"},
        "update-from-nothing",
        "command-failed",
        "nothing or half of it",
    ),
    "install works only once": (
        {
            "install": f"{CHECKED} mkdir /opt/hello && {UNPACK} mkdir /opt/hello/bin && cp x/bin/hello /opt/hello/bin/"
        },
        "install-again",
        "command-failed",
        "run again over what is there",
    ),
    "modes by umask": (
        {
            "install": f"{CHECKED} {UNPACK} rm -rf /opt/hello && mkdir -p /opt/hello/bin && cp x/bin/hello /opt/hello/bin/"
        },
        "umask",
        "modes-differ",
        "install -m",
    ),
    "runs a script directly": (
        {"install": f"{GOOD} && ./x/bin/hello"},
        "noexec",
        "command-failed",
        "noexec mount",
    ),
    "says yes and does nothing": (
        {"install": "true", "update": None},
        "install",
        "status-untrue",
        "Let the command fail",
    ),
    "insists on its config": (
        {"install": f"[ -s hello.json ] && {GOOD}", "config": b"{}"},
        "config-absent",
        "command-failed",
        "",
    ),
    "insists on its own config": (
        {
            "install": f"echo '{'0' * 64}  hello.json' | sha256sum -c --quiet - || "
            f'[ "$(wc -c <hello.json)" = 2 ] && {GOOD}',
            "config": b"{}",
        },
        "config-overridden",
        "command-failed",
        "",
    ),
    "hides that nothing was written": (
        {"install": f"{CHECKED} {{ {PLACE}; }} ; true"},
        "read-only",
        "failure-hidden",
        "hide failures",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_mistake_is_found_and_named(name, make_release, root):
    arguments, scenario, rule, hint = BAD[name]
    if "curl" in str(arguments) and not shutil.which("curl"):
        pytest.skip("curl is not installed")
    result = play(make_release(**{"install": GOOD, "update": GOOD, **arguments}), scenario)
    assert result.result == "failed"
    problem = result.problems[0]
    assert (problem.rule, hint in problem.hint) == (rule, True), problem


def play(release, scenario: str, old=None, **options) -> ScenarioResult:
    report = run_scenarios(release, old, Options("root", only=(scenario,), **options))
    return report.scenarios[0]


def test_every_kind_of_leftover_is_named(make_release, root):
    mess = (
        "useradd -M helloer; printf '* * * * * root true\\n' >/etc/cron.d/hello; echo '127.0.0.1 hello' >>/etc/hosts; "
        "printf '[Service]\\nExecStart=/bin/true\\n' >/etc/systemd/system/hello.service; chmod 0700 /usr/bin/env; "
        "echo x >/home/note; (setsid sleep 300 6>&- >/dev/null 2>&1 &)"
    )
    result = play(make_release(install=f"{GOOD} && {{ {mess}; }}"), "remove")
    assert {(item.kind, item.what) for item in result.leftovers} == {
        ("user", "helloer"),
        ("group", "helloer"),
        ("cron", "/etc/cron.d/hello"),
        ("hosts", "/etc/hosts"),
        ("service", "/etc/systemd/system/hello.service"),
        ("file", "/usr/bin/env"),
        ("file", "/home/note"),
        ("process", "sleep 300"),
    }
    told = {item.what: item.detail for item in result.leftovers}
    assert told["/etc/hosts"] == "line added: 127.0.0.1 hello"
    assert told["/usr/bin/env"] == "changed: mode 0755 -> 0700"


def test_declared_paths_are_no_leftovers(make_release, root):
    release = make_release(
        install=f"{GOOD} && mkdir -p /var/lib/hello/data && echo x >/var/lib/hello/data/y",
        retains=("/var/lib/hello",),
    )
    assert play(release, "remove").result == "passed"


def test_a_remove_that_wants_its_own_package_fails_on_an_upgrade_without_update_command(make_release, root):
    old = make_release(version="1.1.0", remove=f"{CHECKED} rm -rf /opt/hello")
    new = make_release(install=GOOD, files={"bin/hello": b"#!/bin/sh\necho hello\n#new\n"})
    result = play(new, "update-no-command", old)
    assert result.problems[0].rule == "command-failed"
    assert result.problems[0].run.operation == "RemoveForUpdate"


def test_a_command_that_never_ends_is_stopped_and_named(make_release, root):
    result = play(make_release(install="sleep 1000"), "install", timeout=0.5)
    assert result.problems[0].rule == "hung"


def test_a_failure_tells_command_exit_code_and_output(make_release, root):
    result = play(make_release(install="echo to out; echo to err >&2; exit 7"), "install")
    run = result.problems[0].run
    assert (run.code, run.stdout, run.stderr) == (7, "to out\n", "to err\n")
    assert re.search(r"Install 1\.2\.0 failed with exit code 7", result.reason)


def test_needs_zstd(make_release, root):
    if not shutil.which("zstd"):
        pytest.skip("zstd is not installed")
    result = play(make_release(install=f"{GOOD} && zstd --version"), "no-zstd")
    assert result.problems[0].rule == "command-failed"


def test_checks_decide_health(make_release, root):
    result = play(make_release(checks=(Check("no", "echo because >&2; false"),)), "install")
    assert "the check 'no' does not hold: because" in result.reason


def test_a_check_that_hangs_does_not_hold(make_release, root):
    release = make_release(checks=(Check("slow", "sleep 500; true", 1),))
    assert "the check 'slow' does not hold: not within 1 s" in play(release, "install").reason


def test_what_changes_in_place_is_noted(make_release, root):
    result = play(make_release(install=f"{GOOD} && echo '# x' >>/etc/hosts"), "install")
    assert result.result == "passed"
    assert "changed in place: /etc/hosts (content)" in [note for step in result.steps for note in step.notes]
