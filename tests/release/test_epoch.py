import pytest

from vmpack.errors import UsageError
from vmpack.package.model import DEFAULT_MTIME
from vmpack.release.epoch import source_date_epoch


def test_unset_or_empty_means_the_fixed_time() -> None:
    assert source_date_epoch({}) == DEFAULT_MTIME
    assert source_date_epoch({"SOURCE_DATE_EPOCH": ""}) == DEFAULT_MTIME


def test_a_number_is_taken() -> None:
    assert source_date_epoch({"SOURCE_DATE_EPOCH": "1700000000"}) == 1700000000


def test_times_before_1980_become_1980() -> None:
    assert source_date_epoch({"SOURCE_DATE_EPOCH": "0"}) == DEFAULT_MTIME


@pytest.mark.parametrize("text", ["yesterday", "-1", "1.5", " 1", "1e9", "٣", "9" * 5000, "4354819200"])
def test_garbage_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="SOURCE_DATE_EPOCH"):
        source_date_epoch({"SOURCE_DATE_EPOCH": text})
