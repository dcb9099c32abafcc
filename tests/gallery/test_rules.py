"""Each rule of the platform: its very message, its place, and what it leaves alone."""

import re
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vmpack import gallery
from vmpack.findings import Finding
from vmpack.gallery.rules import RULES
from vmpack.limits import TODAY as TODAYS_LIMITS
from vmpack.manifest.model import InstallerRef, Manifest, Payload, Source

Findings = Callable[..., list[Finding]]
_SECRET = "Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9vYmFy"

VERSION = (
    "The gallery application version name is invalid. The application version name should follow"
    " Major(int32).Minor(int32).Patch(int32) format, where int is between 0 and 2,147,483,647 (inclusive)."
    " e.g. 1.0.0, 2018.12.1 etc."
)
REPLICAS = (
    "The value {} of parameter 'galleryApplicationVersion.properties.publishingProfile.{}' is out of range."
    " The value must be between 1 and 3, inclusive."
)


def _actions(install: str = "sh ./a", **others: str) -> dict[str, Any]:
    return {
        "installer": None,
        "actions": {"install": install, "update": "sh ./a", "remove": "sh ./a", **others},
    }


def _regions(*regions: Any) -> dict[str, Any]:
    return {"targetRegions": [{"name": each} if isinstance(each, str) else each for each in regions]}


def _only(found: list[Finding]) -> Finding:
    assert len(found) == 1, found
    return found[0]


def _pointed(finding: Finding) -> str:
    return finding.source_line[finding.caret - 1 :][: finding.length]


def test_a_plain_manifest_breaks_nothing(findings: Findings) -> None:
    assert findings() == []
    assert findings(location="West Europe", **_regions("westeurope", "eastus"), replicaCount=3) == []


@pytest.mark.parametrize(
    "version",
    [
        "1.2",
        "1.2.3.4",
        "1.2.x",
        "v1.2.3",
        "1.2.3-rc1",
        "latest",
        "",
        " 1.2.3",
        "1.2.2147483648",
        "1.2.3\n",
        "\uff11.2.3",
        "1" * 5000,
    ],
)
def test_version_format_and_range(findings: Findings, version: str) -> None:
    finding = _only(findings(version=version))
    assert (finding.rule, finding.severity, finding.message) == ("gallery-version", "error", VERSION)
    assert finding.help


@pytest.mark.parametrize("version", ["0.0.0", "1.0.0", "2018.12.1", "2147483647.2147483647.2147483647"])
def test_good_versions(findings: Findings, version: str) -> None:
    assert findings(version=version) == []


def test_leading_zeros_are_another_writing_of_the_same_version(findings: Findings) -> None:
    finding = _only(findings(version="1.02.0"))
    assert (finding.rule, finding.severity) == ("gallery-version-zeros", "warning")
    assert "1.2.0" in finding.help


@pytest.mark.parametrize("name", ["", "my app", "app/x", "../x", "äpp", "app.", "..", "a\n"])
def test_application_names(findings: Findings, name: str) -> None:
    assert _only(findings(name=name)).rule == "gallery-application-name"


def test_length_and_reserved_application_names(findings: Findings) -> None:
    assert findings(name="a" * 80) == []
    assert _only(findings(name="a" * 81)).rule == "gallery-application-name-length"
    assert findings(name="con") == []
    assert _only(findings(name="con", os="windows")).rule == "gallery-application-name"


def test_duplicate_regions(findings: Findings) -> None:
    finding = _only(findings(**_regions("westeurope", "eastus", "West Europe")))
    assert finding.message == "Duplicate regions are not allowed in target publishing regions."
    assert _pointed(finding) == '"West Europe"'


def test_location_must_be_a_region(findings: Findings) -> None:
    finding = _only(findings(location="westus", **_regions("westeurope", "eastus")))
    assert finding.message == (
        "Gallery image version publishing profile regions westeurope, eastus must contain the location of image"
        " version westus."
    )
    assert _pointed(finding) == '"westus"'
    assert findings(location="westus") == []
    assert findings(**_regions("westeurope")) == []


@pytest.mark.parametrize("count", [0, -1, 4, 1000])
def test_replica_counts(findings: Findings, count: int) -> None:
    finding = _only(findings(replicaCount=count))
    assert finding.message == REPLICAS.format(count, "replicaCount")
    assert _pointed(finding) == str(count)
    finding = _only(findings(**_regions({"name": "westeurope", "regionalReplicaCount": count})))
    assert finding.message == REPLICAS.format(count, "targetRegions[0].regionalReplicaCount")


def test_replicas_follow_the_chosen_limits(manifest: Callable[..., Manifest]) -> None:
    today = date(2026, 1, 1)
    assert gallery.check(manifest(replicaCount=10), today=today, limits=TODAYS_LIMITS) == ()
    (finding,) = gallery.check(manifest(replicaCount=11), today=today, limits=TODAYS_LIMITS)
    assert "between 1 and 10" in finding.message


def test_encryption(findings: Findings) -> None:
    finding = _only(findings(**_regions({"name": "westeurope", "encryption": {}})))
    assert finding.message == "Gallery application version resources currently do not support encryption."


def test_end_of_life_informs(findings: Findings) -> None:
    finding = _only(findings(endOfLifeDate="2021-10-31"))
    assert finding.severity == "warning"
    assert finding.message == "Current VM Application Version 1.2.0 was deprecated at 2021-10-31."
    assert findings(endOfLifeDate="2021-11-01") == []
    assert findings(endOfLifeDate="2030-01-01T00:00:00Z") == []


@pytest.mark.parametrize(
    "name",
    [
        "stdout",
        "STDERR",
        "a/b",
        "a\\b",
        "..",
        "C:x",
        "ä",
        "",
        "-x",
        "a b",
        "x.",
        "NUL",
        "com1.tar",
        "build.json",
        "SHA256SUMS",
        "a" * 256,
    ],
)
def test_file_names(findings: Findings, name: str) -> None:
    finding = _only(findings(packageFileName=name))
    assert (finding.rule, finding.severity) == ("gallery-file-name", "error")
    rules = [each.rule for each in findings(config={"file": "x", "fileName": name})]
    assert rules == ["gallery-file-name"]


def test_the_config_file_gives_its_own_name(findings: Findings) -> None:
    finding = _only(findings(config={"file": "etc/my config"}))
    assert _pointed(finding) == '"etc/my config"'


def test_package_and_config_need_two_names(findings: Findings) -> None:
    finding = _only(findings(config={"file": "HELLO.tar"}))
    assert finding.rule == "gallery-file-names-equal"


def test_file_names_alone(manifest: Callable[..., Manifest]) -> None:
    assert [each.rule for each in gallery.check_file_names(manifest(packageFileName="a b", version="x"))] == [
        "gallery-file-name"
    ]


def test_command_length(findings: Findings) -> None:
    assert findings(**_actions("a" * 4096)) == []
    finding = _only(findings(**_actions("a" * 4097)))
    assert finding.message == "the install command has 4097 characters, the gallery stores at most 4096"
    assert _only(findings(**_actions("\U0001f600" * 2049))).rule == "gallery-command-length"


def test_a_missing_update_command(findings: Findings) -> None:
    changes = _actions()
    del changes["actions"]["update"]
    finding = _only(findings(**changes))
    assert (finding.rule, finding.severity) == ("gallery-no-update", "warning")


@pytest.mark.parametrize(
    "command",
    [
        "[[ -f x ]] && y",
        "if [[ -f x ]]; then y; fi",
        "set -e; source ./env",
        "set -euo pipefail\nx",
        "set -o pipefail",
        "cat <<< x",
        "diff <(a) <(b)",
        "a &> log",
        "list=(a b)",
        "function f { x; }",
        "((i++))",
        "echo $'a\\n'",
    ],
)
def test_what_only_bash_understands(findings: Findings, command: str) -> None:
    finding = _only(findings(**_actions(command)))
    assert (finding.rule, finding.severity) == ("gallery-not-posix", "warning")
    assert _only(findings(tests=[{"run": command}])).rule == "gallery-not-posix"
    assert "gallery-not-posix" not in [each.rule for each in findings(os="windows", **_actions(command))]


@pytest.mark.parametrize(
    "command",
    [
        "bash ./install.sh",
        "bash -c '[[ -f x ]] && source y'",
        'bash -c "set -o pipefail; x"',
        "bash <<'EOF'\n[[ -f x ]]\nEOF\necho done",
        ". ./env && set -eu",
        "echo resource # source x",
        '[ -f x ] && y=$((1 + 2)); echo "$${y}" >x 2>&1 &',
        "grep '[[:space:]]' x; ls [[:digit:]]*",
        "(a; b) && f() { c; }",
        "apt-get install ./x.deb --data-source y",
    ],
)
def test_what_every_sh_understands(findings: Findings, command: str) -> None:
    assert findings(**_actions(command)) == []


@pytest.mark.parametrize(
    ("command", "rule", "severity"),
    [
        ("a\nb", "gallery-line-break", "error"),
        ("a\r\nb", "gallery-line-break", "error"),
        ('"my inst.cmd" "a b"', "gallery-outer-quotes", "warning"),
        ("a & exit %ERRORLEVEL%", "gallery-stale-errorlevel", "warning"),
        ("msiexec /i a.msi /qn", "gallery-reboot-code", "warning"),
    ],
)
def test_traps_of_cmd(findings: Findings, command: str, rule: str, severity: str) -> None:
    finding = _only(findings(os="windows", **_actions(command)))
    assert (finding.rule, finding.severity) == (rule, severity)


@pytest.mark.parametrize(
    "command",
    ["setup.cmd\n", '"setup.exe"', '""a b.cmd" "c d""', "msiexec /i a.msi & if errorlevel 3010 exit 0"],
)
def test_good_cmd(findings: Findings, command: str) -> None:
    assert findings(os="windows", **_actions(command)) == []


@pytest.mark.parametrize(
    "changes",
    [
        _actions(f"app --key x --password {_SECRET}"),
        _actions(remove=f"curl https://a.example/?sv=1&sig={_SECRET}"),
        {"installer": {"template": "script", "params": {"environment": {"DB_PASSWORD": _SECRET}}}},
        {"installer": {"template": "script", "params": {"arguments": ["x", f"AccountKey={_SECRET}"]}}},
        {"publish": {"container": f"https://a.blob.core.windows.net/c?sv=1&sig={_SECRET}"}},
        {"tests": [{"run": f"curl -H 'Authorization: Bearer {_SECRET}' x"}]},
        {"description": f"AccountKey={_SECRET}"},
    ],
)
def test_secrets_are_refused_and_not_repeated(findings: Findings, changes: dict[str, Any]) -> None:
    finding = _only(findings(**changes))
    assert (finding.rule, finding.severity) == ("gallery-secret", "error")
    assert _SECRET[:8] not in repr(finding)


@pytest.mark.parametrize("query", ["sv=1&sig=short", "sv=1&si=policy", ""])
def test_a_containers_url_carries_no_query_whatever_is_in_it(findings: Findings, query: str) -> None:
    finding = _only(findings(publish={"container": f"https://a.blob.core.windows.net/apps?{query}"}))
    assert (finding.rule, finding.severity) == ("gallery-secret", "error")
    assert findings(publish={"container": "https://a.blob.core.windows.net/apps"}) == []


def test_no_other_finding_shows_a_secret_of_the_same_line(findings: Findings, tmp_path: Path) -> None:
    findings()
    text = (tmp_path / "vmapp.json").read_text("utf-8")
    text = text.replace("\n", "").replace('"1.2.0"', f'"1.2", "description": "AccountKey={_SECRET}"')
    (tmp_path / "vmapp.json").write_text(text, "utf-8")
    from vmpack.manifest import load

    found = gallery.check(load(tmp_path), today=date(2021, 1, 1))
    assert {each.rule for each in found} == {"gallery-version", "gallery-secret"}
    assert _SECRET[:8] not in repr(found)


def test_prose_about_passwords_is_no_secret(findings: Findings) -> None:
    assert findings(description="password: see-the-handbook", eula="token: none of yours") == []
    assert (
        findings(installer={"template": "x", "params": {"passwordFile": "/run/x", "token": "$TOKEN"}}) == []
    )


def test_secrets_in_a_config_file() -> None:
    (finding,) = gallery.check_config("app.json", '{\n "db": "Server=x;Password=hunter2"\n}')
    assert (finding.rule, finding.file, finding.line) == ("gallery-config-secret", "app.json", 2)
    assert "hunter2" not in repr(finding)
    assert gallery.check_config("app.json", '{"port": 80, "passwordFile": "/run/x"}') == ()


def test_findings_come_in_the_order_of_the_text(findings: Findings) -> None:
    found = findings(name="a b", version="x", replicaCount=9, endOfLifeDate="2020-01-01")
    assert [each.line for each in found] == sorted(each.line for each in found)
    assert len(found) == 4


def test_every_message_of_the_overview_is_word_for_word() -> None:
    plain = {re.sub(r"\{\w+\}", "{}", each.rule.message) for each in RULES}
    assert VERSION in plain
    assert (
        "The value {} of parameter '{}' is out of range. The value must be between 1 and {}, inclusive."
        in plain
    )


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(), st.text(), st.text(), st.sampled_from(["linux", "windows"]))
def test_no_text_breaks_a_rule_itself(name: str, version: str, region: str, system: Any) -> None:
    source = Source(Path("vmapp.json"), "{}")
    document = {"location": region, "packageFileName": version}
    wanted = Manifest(
        source,
        document,
        name,
        version,
        system,
        Payload(),
        version,
        InstallerRef("x", {"a": region}),
        location=region,
    )
    for finding in gallery.check(wanted, today=date(2021, 1, 1)):
        assert finding.message


@pytest.mark.parametrize("unit", ["\n", "; ", "<<a ", "'", '"', "&", "! "])
def test_hostile_commands_cost_no_more_than_their_length(findings: Findings, unit: str) -> None:
    began = time.process_time()
    command = unit * (120_000 // len(unit)) + "x"
    findings(tests=[{"run": command}], **_actions(command))
    findings(os="windows", **_actions(command))
    assert time.process_time() - began < 10
