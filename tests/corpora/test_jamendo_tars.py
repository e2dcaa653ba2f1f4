"""Tars as hostile input: whatever is in them, nothing crashes, hangs or is written."""

import gzip
import io
import tarfile
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jamendo_tars import tar_bytes
from songmood.corpora.jamendo import tars
from songmood.corpora.jamendo.tars import TarDamagedError, open_tar, read_members

GOOD = [("24/3524.npy", b"a" * 1_000), ("24/24.npy", b""), ("24/124.npy", bytes(range(256)) * 8)]
FORMATS = [tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT, tarfile.PAX_FORMAT]


def any_name(name):
    return 1 << 40


def read_all(data, longest=1 << 24):
    """Of every member the name, and the content or why there is none."""
    members = read_members(io.BytesIO(data), any_name, longest)
    return [(name, content if isinstance(content, str) else bytes(content)) for name, content in members]


def entry(name, kind=tarfile.REGTYPE, size=0, **attributes):
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, size
    for key, value in attributes.items():
        setattr(info, key, value)
    return info


def with_checksum(header):
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)


@pytest.mark.parametrize("flavour", FORMATS)
def test_files_come_in_order_and_folders_are_passed_over(flavour):
    assert read_all(tar_bytes(GOOD, flavour)) == GOOD


@pytest.mark.parametrize("suffix", ["tar", "tar.gz"])
def test_plain_and_gzipped_tars_are_told_apart_by_their_bytes(tmp_path, suffix):
    data = tar_bytes(GOOD)
    path = tmp_path / "x.tar"  # either under the same name
    path.write_bytes(gzip.compress(data) if suffix == "tar.gz" else data)
    with open_tar(path) as file:
        assert list(read_members(file, any_name, 1 << 24)) == GOOD


@pytest.mark.parametrize("flavour", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_long_names_are_read(flavour):
    name = "24/" + "9" * 300 + ".npy"
    assert [member[0] for member in read_all(tar_bytes([(name, b"x"), *GOOD], flavour))] == [
        name,
        *(n for n, _ in GOOD),
    ]


def test_a_name_may_begin_with_a_dot_and_a_slash():
    assert read_all(tar_bytes([("./24/1.npy", b"x")]))[-1][0] == "24/1.npy"


def test_what_is_not_wanted_or_too_large_is_skipped():
    members = read_members(io.BytesIO(tar_bytes(GOOD)), {"24/24.npy": 0, "24/124.npy": 2047}.get, 1 << 24)
    assert [content for _, content in members] == [None, b"", "2,048 bytes, expected at most 2,047"]


@pytest.mark.parametrize(
    ("kind", "fault"),
    [
        (tarfile.SYMTYPE, "a symbolic link"),
        (tarfile.LNKTYPE, "a hard link"),
        (tarfile.CHRTYPE, "a device"),
        (tarfile.BLKTYPE, "a device"),
        (tarfile.FIFOTYPE, "a pipe"),
        (b"Z", "a special file"),
    ],
)
def test_what_is_no_file_is_named_for_what_it_is(kind, fault):
    hostile = entry("24/3524.npy", kind, linkname="/etc/passwd")
    read = read_all(tar_bytes([hostile, *GOOD]))
    assert read[0] == ("24/3524.npy", f"{fault}, expected a plain one")
    assert [name for name, _ in read[1:]] == [name for name, _ in GOOD]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
def test_a_link_that_claims_a_size_does_not_swallow_what_follows(kind):
    read = read_all(tar_bytes([entry("24/1.npy", kind, size=1024), *GOOD]))
    assert [name for name, _ in read] == ["24/1.npy", *(name for name, _ in GOOD)]


def test_old_and_new_sparse_files_are_refused():
    old = bytearray(tar_bytes([("24/1.npy", b"x" * 512), *GOOD]))
    header = old[512:1024]
    header[156:157] = tarfile.GNUTYPE_SPARSE
    with_checksum(header)
    old[512:1024] = header
    new = entry("24/1.npy", size=0, pax_headers={"GNU.sparse.major": "1", "GNU.sparse.realsize": "99999999"})
    for data in (bytes(old), tar_bytes([new, *GOOD], tarfile.PAX_FORMAT)):
        read = read_all(data)
        assert read[0] == ("24/1.npy", "a sparse file, expected a plain one")
        assert [name for name, _ in read[1:]] == [name for name, _ in GOOD]


def test_the_size_of_a_pax_header_counts():
    member = entry("24/1.npy", pax_headers={"size": "1024"})
    data = bytearray(tar_bytes([member], tarfile.PAX_FORMAT))
    assert read_all(bytes(data[: 3 * 512]) + b"y" * 1024 + tar_bytes(GOOD))[0] == ("24/1.npy", b"y" * 1024)


@pytest.mark.parametrize("size", ["-5", "1e3", "9" * 30, ""])
def test_the_size_of_a_pax_header_must_be_a_number(size):
    with pytest.raises(TarDamagedError, match=r"a size that is no number|more than all of its tracks need"):
        read_all(tar_bytes([entry("24/1.npy", pax_headers={"size": size})], tarfile.PAX_FORMAT))


def test_a_header_of_a_gigabyte_is_not_read():
    bomb = entry("././@LongLink", tarfile.GNUTYPE_LONGNAME, size=1 << 30)
    with pytest.raises(TarDamagedError, match=r"a header of more than 4,096 bytes"):
        read_all(tar_bytes([bomb]), longest=1 << 40)


def test_small_headers_without_end_are_one_large_header():
    chain = [entry("././@LongLink", tarfile.GNUTYPE_LONGNAME, size=0)] * 1_000
    with pytest.raises(TarDamagedError, match=r"a header of more than 4,096 bytes"):
        read_all(tar_bytes([*chain, *GOOD]))


def test_a_map_of_a_sparse_file_without_end_is_not_followed():
    block = bytearray(tar_bytes([entry("24/1.npy", tarfile.GNUTYPE_SPARSE)])[:512])
    block[482] = 1  # the map goes on in further blocks
    with_checksum(block)
    with pytest.raises(TarDamagedError, match=r"a header of more than 4,096 bytes"):
        read_all(bytes(block) + b"0" * 100_000)


def test_members_that_lead_back_into_what_was_read_end_it():
    block = bytearray(tar_bytes([entry("24/1.npy")])[:512])
    block[124:136] = b"\xff" * 10 + b"\xfc\x00"  # -1,024 in the base-256 notation of GNU's tar
    with_checksum(block)
    with pytest.raises(TarDamagedError, match="a size that is no number"):
        read_all(bytes(block) + tar_bytes(GOOD))
    larger = tarfile.TarInfo.create_pax_global_header({"size": "700"})
    with pytest.raises(TarDamagedError, match="leads back"):
        read_all(larger + tar_bytes([("1.npy", b"x" * 10), ("2.npy", b"y" * 10)]))


def test_a_header_for_all_members_says_nothing_of_later_ones():
    data = tar_bytes([("24/1.npy", b"x" * 10), ("24/2.npy", b"y" * 10)])
    everywhere = tarfile.TarInfo.create_pax_global_header({"size": "700", "path": "24/9.npy"})
    assert read_all(everywhere + data)[-1] == ("24/2.npy", b"y" * 10)


def test_a_tar_of_empty_files_without_end_is_not_read_to_it(monkeypatch):
    monkeypatch.setattr(tars, "MOST_MEMBERS", len(GOOD) + 1)  # and the folder
    assert len(read_all(tar_bytes(GOOD)[:-2048] + tar_bytes([]))) == len(GOOD)
    with pytest.raises(TarDamagedError, match=r"more than 4 members"):
        read_all(tar_bytes([*GOOD, ("24/5.npy", b"")]))


def test_a_member_that_claims_more_than_the_tar_may_have_ends_it():
    with pytest.raises(TarDamagedError, match="more than all of its tracks need"):
        read_all(tar_bytes([entry("24/1.npy", size=1 << 33), *GOOD]))


def test_a_bomb_of_compressed_zeros_is_not_followed_to_its_end(tmp_path):
    path = tmp_path / "bomb.tar.gz"
    head = tar_bytes([entry("24/1.npy", size=200 << 20)])[:512]
    with gzip.open(path, "wb", 1) as file:
        file.write(head)
        for _ in range(200):
            file.write(bytes(1 << 20))
    with pytest.raises(TarDamagedError, match="goes on after 1048576"), open_tar(path) as file:
        list(read_members(file, {}.get, 1 << 20))


@pytest.mark.parametrize("cut", [600, 1024, 1500, 2_100])
def test_a_tar_that_ends_too_early_says_where(cut):
    data = tar_bytes(GOOD)[:cut]
    if cut == 1024:
        with pytest.raises(TarDamagedError, match="ends at byte 1024"):
            read_all(data)
        return
    with pytest.raises(TarDamagedError, match=r"in the middle|header at byte \d+ is damaged \(truncated\)"):
        read_all(data)


def test_a_gzip_stream_that_breaks_off_says_so(tmp_path):
    path = tmp_path / "x.tar.gz"
    packed = gzip.compress(tar_bytes(GOOD))
    followed = gzip.compress(tar_bytes(GOOD)[: 9 * 512]) + b"no gzip"
    for damaged in (packed[:60], packed[:40] + b"\xff" * 20 + packed[60:], followed):
        path.write_bytes(damaged)
        with pytest.raises(TarDamagedError, match=r"decompress|damaged|middle"), open_tar(path) as file:
            list(read_members(file, {}.get, 1 << 24))


def test_a_damaged_header_says_where():
    data = bytearray(tar_bytes(GOOD))
    data[512 + 10] ^= 0xFF
    with pytest.raises(TarDamagedError, match="header at byte 512"):
        read_all(bytes(data))


def test_names_are_fit_to_be_printed():
    hostile = "24/\x1b[31m\n" + "a" * 500
    members = list(read_members(io.BytesIO(tar_bytes([(hostile, b"")])), any_name, 1 << 20))
    assert members[0].name == hostile
    assert members[0].label == "24/?[31m?" + "a" * 91 + "..."


@settings(max_examples=400)
@given(
    flavour=st.sampled_from(FORMATS),
    changes=st.lists(st.tuples(st.integers(0, 7_000), st.integers(0, 255)), min_size=1, max_size=12),
    cut=st.integers(0, 12_000),
)
def test_mutated_tars_end_in_members_or_in_one_kind_of_error(flavour, changes, cut):
    name = ("24/" if flavour == tarfile.USTAR_FORMAT else "24/" + "8" * 150) + "8.npy"
    data = bytearray(tar_bytes([*GOOD, (name, b"q" * 700), entry("24/5.npy", tarfile.SYMTYPE, linkname="x")], flavour))
    for position, value in changes:
        data[position % len(data)] = value
    file = io.BytesIO(bytes(data[:cut] if cut < 6_000 else data))
    with suppress(TarDamagedError):
        for member in read_members(file, lambda name: len(data), 1 << 20):
            assert member.label.isprintable()
            assert isinstance(member.content, str) or len(member.content) <= len(data)


@given(st.binary(max_size=3_000))
def test_anything_at_all_may_be_called_a_tar(data):
    with suppress(TarDamagedError):
        read_all(data)
