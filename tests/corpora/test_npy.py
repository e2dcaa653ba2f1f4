import io
import pickle
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from songmood.corpora.npy import parse_mel_npy, read_mel_npy
from songmood.errors import CorpusError


def saved(array: np.ndarray, version: tuple[int, int] | None = None) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, array, version)
    return file.getvalue()


def made(frames: int = 5, bands: int = 96) -> np.ndarray:
    return np.random.default_rng(frames).normal(-60, 20, (bands, frames)).astype(np.float32)


def with_header(header: str, values: bytes = bytes(96 * 4 * 2)) -> bytes:
    text = header.encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + values


def reason(data: bytes) -> str:
    with pytest.raises(ValueError) as error:  # noqa: PT011  (the callers look at what it says)
        parse_mel_npy(data)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("frames", [1, 2, 96, 1000])
def test_both_orders_are_read_time_major(order, version, frames):
    array = np.asarray(made(frames), order=order)
    mel = parse_mel_npy(saved(array, version))
    np.testing.assert_array_equal(mel, array.T)
    assert mel.dtype == np.float32


def test_the_distributions_order_needs_no_copy():
    data = saved(np.asfortranarray(made(100)))
    mel = parse_mel_npy(data)
    assert mel.flags.c_contiguous
    assert np.shares_memory(mel, np.frombuffer(data, np.uint8))


def test_real_files_are_read_as_numpy_reads_them(reference):
    for path in sorted((reference / "gamemusic" / "melspecs").rglob("*.npy"))[:5]:
        np.testing.assert_array_equal(read_mel_npy(path), np.load(path).T)


@pytest.mark.parametrize("dtype", ["<f2", "<f8", ">f4", "<i4", "|b1", "<c8", "|S4"])
def test_another_dtype_is_refused_with_what_was_expected(dtype):
    assert reason(saved(made().astype(dtype))) == f"dtype {dtype}, expected <f4 (little-endian float32)"


class Bomb:
    def __reduce__(self):
        return pytest.fail, ("unpickled",)


def test_objects_are_refused_and_never_unpickled():
    array = np.array([Bomb()], object)
    assert "a pickle" in reason(saved(array))
    assert "a pickle" in reason(pickle.dumps(Bomb()))
    assert "dtype |V4" in reason(saved(np.zeros(3, [("a", "<f4")])))


@pytest.mark.parametrize("shape", [(96,), (95, 5), (5, 96), (96, 5, 1), ()])
def test_another_shape_is_refused(shape):
    assert f"shape {shape}, expected (96, frames)" in reason(saved(np.zeros(shape, np.float32)))


def test_no_frames_are_refused():
    assert reason(saved(np.zeros((96, 0), np.float32))) == "shape (96, 0): no frames"


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_no_numbers_are_counted_and_placed(value):
    array = made(50)
    array[3, 7] = array[90, 7] = array[0, 40] = value
    assert reason(saved(array)) == "3 of 4,800 values are NaN or infinite, the first in frame 7"


def test_every_truncation_is_refused():
    data = saved(made(2))
    for length in range(len(data)):
        assert reason(data[:length])
    assert "truncated, 764 bytes of values where the header says 768" in reason(data[:-4])


def test_bytes_after_the_end_are_refused():
    assert reason(saved(made()) + b"x") == "1 bytes after the array's end"


def test_a_header_is_bounded_and_never_evaluated():
    fields = "'descr': '<f4', 'fortran_order': True, 'shape': (96, 2)"
    assert parse_mel_npy(with_header("{" + fields + ", }\n")).shape == (2, 96)
    assert parse_mel_npy(with_header('{"shape": (96,2), "descr": "<f4", "fortran_order": True}')).shape == (2, 96)
    for header in (
        "{" + fields + ", 'more': 1}",
        "{" + fields + ", 'more': '1'}",
        "{'descr': '<f4', 'fortran_order': True}",
        "{" + fields.replace("2)", "1 + 1)") + "}",
        "{" + fields.replace("(96, 2)", "(" * 500 + "96, 2" + ")" * 500) + "}",
        "{" + fields.replace("(96, 2)", "(" + "1" * 3000 + ")") + "}",
        "{" + fields.replace("(96, 2)", "(" + "1," * 1500) + "}",
        "__import__('os').abort()",
        "[" * 1000,
    ):
        assert "header" in reason(with_header(header))
    assert "too many frames" in reason(with_header("{" + fields.replace("96, 2", "96, 99999999999999") + "}"))
    assert "too many frames" in reason(with_header("{" + fields.replace("96, 2", "96, " + "9" * 3_000) + "}"))
    assert "truncated" in reason(with_header("{" + fields.replace("96, 2", "96, 999999999") + "}"))
    assert "no frames" in reason(with_header("{" + fields.replace("96, 2", "96, -2") + "}"))
    huge = b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**32 - 1)
    assert "header" in reason(huge + bytes(10_000))
    assert "not ASCII" in reason(with_header("{" + fields + "}  # é"))
    assert "header" in reason(with_header(" " * 5_000 + "{" + fields + "}"))


GOOD = saved(np.asfortranarray(made(3)))


@given(st.data())
def test_mutated_bytes_are_refused_or_read_as_numpy_reads_them(data):
    mutated = bytearray(GOOD)
    for _ in range(data.draw(st.integers(1, 4))):
        position = data.draw(st.one_of(st.integers(0, 130), st.integers(0, len(mutated))))
        junk = data.draw(
            st.one_of(st.binary(max_size=8), st.sampled_from([b"(", b"'", b"True", b"\x00" * 4, b"9", b"{"]))
        )
        mutated[position : position + data.draw(st.integers(0, 8))] = junk
    try:
        mel = parse_mel_npy(bytes(mutated))
    except ValueError:
        return
    np.testing.assert_array_equal(mel, np.load(io.BytesIO(mutated), allow_pickle=False).T)
    assert np.isfinite(mel).all()


@given(st.binary(max_size=300))
def test_any_bytes_are_refused(data):
    assert reason(data)


def test_files_that_cannot_be_read_are_named(tmp_path):
    with pytest.raises(CorpusError, match=r"absent\.npy: cannot be read: No such file"):
        read_mel_npy(tmp_path / "absent.npy")
    with pytest.raises(CorpusError, match="Is a directory"):
        read_mel_npy(tmp_path)
    large = tmp_path / "large.npy"
    with large.open("wb") as file:
        file.truncate((1 << 30) + 1)
    with pytest.raises(CorpusError, match="1,073,741,825 bytes, expected at most"):
        read_mel_npy(large)
