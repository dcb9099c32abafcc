from collections.abc import Iterator

import pytest

from vmpack.vm.sandbox import Sandbox, check, open_sandbox

ROOT = check("root")

needs_root = pytest.mark.skipif(not ROOT.works, reason=f"the root sandbox does not work here: {ROOT.reason}")


@pytest.fixture
def box() -> Iterator[Sandbox]:
    """A fresh root sandbox; skips visibly where it cannot be had."""
    if not ROOT.works:
        pytest.skip(f"the root sandbox does not work here: {ROOT.reason}")
    with open_sandbox("root") as sandbox:
        yield sandbox
