"""Shards: every file in exactly one, and a union that notices what is missing or double."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from songmood.errors import TaggingError
from songmood.tagging.batch.shards import Shard, read_share, share_of, union, write_share

PATHS = [f"album {number % 7}/{number}.ogg" for number in range(200)]


def shares(count: int, paths: list[str] = PATHS) -> list:
    return [(f"{number}/{count}", share_of(paths, Shard(number, count))) for number in range(1, count + 1)]


@given(st.lists(st.text(min_size=1), unique=True, min_size=1, max_size=50), st.integers(1, 9))
def test_shares_add_up_to_the_list_in_its_order(paths: list[str], count: int) -> None:
    paths = [path.encode("utf-8", "ignore").decode() or "x" for path in paths]
    assert [path for path, _ in union(shares(count, paths))] == paths


def test_shares_are_of_a_size() -> None:
    assert all(30 < len(share.paths) < 70 for _, share in shares(4))


def test_a_file_stays_in_its_share_when_the_list_grows() -> None:
    before = {path: number for number, (_, share) in enumerate(shares(3)) for path in share.paths}
    after = {path: number for number, (_, share) in enumerate(shares(3, ["new.ogg", *PATHS])) for path in share.paths}
    assert all(after[path] == number for path, number in before.items())


def test_what_is_missing_or_double_is_noticed() -> None:
    found = shares(3)
    with pytest.raises(TaggingError, match="of 200 files are in no shard"):
        union(found[:2])
    with pytest.raises(TaggingError, match=r"is in shards 1/3 and again: run both again"):
        union([*found, ("again", found[0][1])])
    with pytest.raises(TaggingError, match="shards 1/3 and 2/3 saw other lists of files, of 200 and 199"):
        union([found[0], ("2/3", share_of(PATHS[1:], Shard(2, 3)))])
    with pytest.raises(TaggingError, match="saw other lists"):
        union([found[0], ("2/3", replace(found[1][1], digest="other"))])


def test_a_share_reads_back(tmp_path) -> None:
    share = share_of(["a\udcff", "b"], Shard())
    write_share(tmp_path / "s", share)
    assert read_share(tmp_path / "s") == share


def test_shards_are_named_as_one_of_so_many() -> None:
    assert Shard.parse("2/8") == Shard(2, 8)
    for wrong in ("0/8", "9/8", "8", "a/b", "1/0", "1/2/3", "-1/2", "1/²"):
        with pytest.raises(TaggingError, match="expected I/N with I from 1 to N"):
            Shard.parse(wrong)
