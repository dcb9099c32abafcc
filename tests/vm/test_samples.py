"""The project's own samples and installers, played through every scenario."""

import json
from pathlib import Path

import pytest

from vmpack.release.report import load
from vmpack.vm.running import Options, run_scenarios

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
LINUX = sorted(
    path.parent.name for path in SAMPLES.glob("*/vmapp.json") if json.loads(path.read_text())["os"] == "linux"
)


def failures(release, options=None) -> dict[str, str]:
    report = run_scenarios(load(release), None, options)
    return {s.name: s.reason for s in report.scenarios if s.result == "failed"}


@pytest.mark.slow
@pytest.mark.parametrize("name", LINUX)
def test_a_sample_stands_every_scenario(vmpack, tmp_path, name, root):
    (built,) = vmpack("build", SAMPLES / name, "-o", tmp_path, "--json").json["releases"]
    assert failures(Path(built["directory"]), Options("root")) == {}


@pytest.mark.slow
def test_the_script_installer_stands_every_scenario(vmpack, make_app, tmp_path, root):
    app = make_app(
        {
            "in.sh": "#!/bin/sh\nset -eu\ninstall -d -m 0755 /opt/by-script\ninstall -m 0644 data /opt/by-script/data\n",
            "out.sh": "#!/bin/sh\nrm -rf /opt/by-script\n",
            "data": "data\n",
        },
        installer={"template": "script", "params": {"install": "in.sh", "remove": "out.sh"}},
        tests=[{"name": "it is there", "run": "test -s /opt/by-script/data"}],
    )
    (built,) = vmpack("build", app, "-o", tmp_path / "dist", "--json").json["releases"]
    assert failures(Path(built["directory"]), Options("root")) == {}


def test_the_windows_sample_reads_well(vmpack, tmp_path):
    pytest.importorskip("tree_sitter_powershell")
    (built,) = vmpack("build", SAMPLES / "disk-report", "-o", tmp_path, "--json").json["releases"]
    assert failures(Path(built["directory"])) == {}
