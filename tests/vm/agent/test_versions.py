import pytest

from vmpack.vm.agent import same_version


@pytest.mark.parametrize(
    ("one", "other"),
    [("1.2", "1.2.0.0"), ("1.02", "1.2"), ("1", "1.0.0"), ("", ""), ("x", "x"), ("0", "0.0"), ("+1", "1")],
)
def test_same(one, other):
    assert same_version(one, other)
    assert same_version(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1.2", "1.2.0.1"),
        ("1.2.0", "1.3"),
        ("1.x", "1.y"),
        ("1.2", "1.2.x"),
        ("1.2a", "1.2"),
        ("1_0", "10"),
        ("1.x", "2.x"),
    ],
)
def test_different(one, other):
    assert not same_version(one, other)
    assert not same_version(other, one)
