"""Names, parameters and file names go through the renderer; a real shell reads back exactly what went in."""

import subprocess
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.installer.conftest import make_manifest
from vmpack.installer import check_params, render
from vmpack.installer.model import PayloadFacts
from vmpack.manifest.model import Check, InstallerRef

FACTS = PayloadFacts("payload.tar.zst", "tar.zst", files=3, size=1000)
CHARACTERS = st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/\u2028\u2029")
NAME = st.text(CHARACTERS, min_size=1, max_size=12).filter(lambda name: name not in (".", ".."))
PATH = st.lists(NAME, min_size=1, max_size=3).map(lambda names: "/" + "/".join(names))
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
APP_NAME = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True)

READ_BACK = r"""
. ./app.sh
. ./archive.sh
for step in find_decoder persist_lifecycle check_destination begin_change unpack_release switch_release commit \
    drop_releases free_old_downloads make_data_folder install_config check_link; do
    eval "$step() { :; }"
done
install_link() { printf '%s\0' "$1" "$2"; }
run_check() { printf '%s\0' "$1" "$3"; }
printf '%s\0' "$VMPACK_APP_NAME" "$DESTINATION"
install_archive
"""


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=APP_NAME, destination=PATH, link=PATH, target=NAME, check=TEXT, run=TEXT)
def test_a_shell_reads_back_what_went_in(
    tmp_path: Path, name: str, destination: str, link: str, target: str, check: str, run: str
) -> None:
    manifest = make_manifest(
        tmp_path,
        name=name,
        checks=(Check(check, run),),
        installer=InstallerRef("archive", {"destination": destination, "links": {link: target}}),
    )
    assert check_params(manifest) == ()
    for script in render(manifest, FACTS).scripts:
        (tmp_path / script.name).write_bytes(script.data)
    done = subprocess.run(["dash", "-c", READ_BACK], cwd=tmp_path, capture_output=True, check=True)
    assert done.stdout.decode().split("\0")[:-1] == [name, destination, link, target, check, run]
