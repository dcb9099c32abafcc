import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema

from vmpack import resources

Vmpack = Callable[..., Any]


def test_the_composed_schema_is_valid_and_knows_each_installers_parameters(vmpack: Vmpack) -> None:
    schema = vmpack("schema").json
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    manifest: dict[str, Any] = {"name": "a", "version": "1.0.0", "os": "linux"}
    good = {**manifest, "installer": {"template": "archive", "params": {"destination": "/opt/a"}}}
    bad = {**manifest, "installer": {"template": "archive", "params": {"destinaton": "/opt/a"}}}
    assert validator.is_valid(good)
    assert not validator.is_valid(bad)


def test_the_plain_schema_leaves_the_installers_out(vmpack: Vmpack) -> None:
    schema = vmpack("schema", "--plain").json
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert "keepReleases" not in str(schema)


def test_an_editor_learns_which_templates_there_are(vmpack: Vmpack) -> None:
    template = vmpack("schema").json["properties"]["installer"]["properties"]["template"]
    told = dict(zip(template["enum"], template["enumDescriptions"], strict=True))
    assert {"archive", "script", "systemd-service", "windows-service"} <= told.keys()
    assert told["windows-service"].endswith("For windows.")
    assert template["description"]


def test_a_template_of_ones_own_can_be_chosen_too(vmpack: Vmpack, tmp_path: Path) -> None:
    shutil.copytree(resources.templates().joinpath("archive"), tmp_path / "mine")
    definition = tmp_path / "mine/template.json"
    definition.write_text(definition.read_text("utf-8").replace('"archive"', '"mine"'), "utf-8")
    schema = vmpack("schema", "--templates-dir", tmp_path).json
    assert "mine" in schema["properties"]["installer"]["properties"]["template"]["enum"]


def test_parameters_without_a_default_are_demanded(vmpack: Vmpack) -> None:
    validator = jsonschema.Draft202012Validator(vmpack("schema").json)
    manifest = {"name": "a", "version": "1.0.0", "os": "linux", "installer": {"template": "archive"}}
    assert "'params' is a required property" in [error.message for error in validator.iter_errors(manifest)]


def test_every_sample_fits_the_composed_schema(vmpack: Vmpack) -> None:
    validator = jsonschema.Draft202012Validator(vmpack("schema").json)
    manifests = list(Path(__file__).parents[2].glob("samples/*/vmapp.json"))
    assert len(manifests) >= 3
    for manifest in manifests:
        assert list(validator.iter_errors(json.loads(manifest.read_text("utf-8")))) == []
