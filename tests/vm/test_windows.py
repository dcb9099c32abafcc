import dataclasses

import pytest

from vmpack.installer.model import Commands
from vmpack.vm.running import run_scenarios
from vmpack.vm.windows import command_problems, exit_code_problems

GOOD = "powershell.exe -NoProfile -NonInteractive -ExecutionPolicy Bypass -File install.ps1"


def rules(command: str) -> list[str]:
    return [problem.rule for problem in (*command_problems(command), *exit_code_problems(command))]


@pytest.mark.parametrize(
    "command",
    [
        GOOD,
        "install.cmd /quiet && reg add HKLM\\Software\\X /f",
        "start /wait msiexec /i x.msi /qn & if errorlevel 3010 (exit /b 0) else if errorlevel 1 exit /b 1",
        '"setup.exe"',
        'call "my setup.cmd" "a b"',
        'echo "a;b ./c %%d"',
    ],
)
def test_sound_commands(command):
    assert rules(command) == []


@pytest.mark.parametrize(
    ("command", "rule"),
    [
        ("a.cmd\nb.cmd", "command-lines"),
        ("x" * 4097, "command-too-long"),
        ('"my inst.cmd" "a b" c', "command-quotes"),
        ("a.cmd; b.cmd", "command-semicolon"),
        ("./setup.exe /S", "command-slash"),
        ("a.cmd & exit %ERRORLEVEL%", "command-errorlevel"),
        ("for %%i in (*.msi) do a.cmd", "command-percent"),
        ("a.cmd & b.cmd", "command-ampersand"),
        ("set A=1&& echo %A%", "command-expansion"),
        ("msiexec /i x.msi /qn", "msiexec-reboot"),
        ("msiexec /i x.msi && if errorlevel 3010 exit /b 0", "msiexec-asks"),
        ("powershell -Command .\\x.ps1", "powershell-exit-code"),
    ],
)
def test_classic_mistakes(command, rule):
    assert rule in rules(command)


def test_the_report_says_that_nothing_was_executed(make_release):
    release = dataclasses.replace(make_release(), os="windows", commands=Commands(GOOD, GOOD, GOOD))
    report = run_scenarios(release)
    assert report.sandbox == ""
    assert any("NOTHING WAS EXECUTED" in note for note in report.notes)
    told = {scenario.name: scenario.result for scenario in report.scenarios}
    assert told["commands"] == "passed"
    assert told["integrity"] == "failed"
