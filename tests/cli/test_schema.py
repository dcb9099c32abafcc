from collections.abc import Callable
from typing import Any

import jsonschema

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
