import copy
import dataclasses
import pickle

import pytest

from vmpack.values import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class Point:
    """A place."""

    x: int
    y: int = 2
    tags: list[str] = field(default_factory=list, repr=False)

    @property
    def sum(self) -> int:
        return self.x + self.y


@dataclass(frozen=True, slots=True)
class Named(Point):
    """A place with a name."""

    name: str = "here"


def test_fields_are_given_by_place_by_name_or_by_default() -> None:
    assert (Point(1).x, Point(1).y, Point(x=1, y=3).sum, Point(1, 3, ["a"]).tags) == (1, 2, 4, ["a"])
    assert Named(1, name="there").name == "there"


def test_a_default_factory_makes_a_new_one_each_time() -> None:
    assert Point(1).tags is not Point(1).tags


@pytest.mark.parametrize(
    ("given", "named"), [((), {}), ((1, 2, [], 4), {}), ((1,), {"x": 1}), ((1,), {"z": 1})]
)
def test_wrong_fields_are_refused(given: tuple[int, ...], named: dict[str, int]) -> None:
    with pytest.raises(TypeError, match="Point"):
        Point(*given, **named)  # type: ignore[arg-type]


def test_equal_fields_are_equal_values_of_one_class() -> None:
    assert Point(1, 2) == Point(1) != Point(2)
    assert Named(1) != Point(1)
    assert len({Pair(1, "a"), Pair(1, "a"), Pair(2, "a")}) == 2


@dataclass(frozen=True, slots=True)
class Pair:
    """Two things that can be hashed."""

    one: int
    other: str


@dataclass(frozen=True, slots=True)
class Nothing:
    """A value without fields."""


def test_a_class_without_fields_has_one_value() -> None:
    assert Nothing() == Nothing()
    assert hash(Nothing()) == hash(Nothing())


def test_nothing_can_be_set_again() -> None:
    point = Point(1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        point.x = 2  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError):
        del point.x
    with pytest.raises(dataclasses.FrozenInstanceError):
        point.z = 2  # type: ignore[attr-defined]


def test_a_field_can_be_kept_out_of_the_text() -> None:
    assert repr(Point(1, 2, ["secret"])) == "Point(x=1, y=2)"


def test_the_standard_library_takes_it_for_a_dataclass() -> None:
    assert replace(Point(1), y=5) == Point(1, 5)
    assert [each.name for each in dataclasses.fields(Point)] == ["x", "y", "tags"]
    assert copy.deepcopy(Point(1)) == Point(1)
    assert pickle.loads(pickle.dumps(Pair(1, "a"))) == Pair(1, "a")
