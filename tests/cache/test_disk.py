import shutil

import pytest

from songmood.cache.disk import check_room
from songmood.errors import CacheError


def test_rooms_on_one_disk_add_up(tmp_path, monkeypatch):
    free = shutil.disk_usage(tmp_path)._replace(free=1_000_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: free)
    check_room({tmp_path / "a": 500_000_000, tmp_path / "b" / "c": 300_000_000})
    with pytest.raises(CacheError, match=r"1\.1 GB more are needed on the disk of .* 1\.0 GB are free"):
        check_room({tmp_path / "a": 500_000_000, tmp_path / "b" / "c": 600_000_000})
