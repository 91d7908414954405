"""The data folder: whole files or none, sealed so that what was changed, cut or moved does not open."""

from __future__ import annotations

import errno
import io
import os
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment.errors import InputError
from service.files import Files
from service.sealing import CHUNK, MAGIC, SealedError, new_key_file, read_key

KEY = bytes(range(32))
SIZES = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 77]


def content(size):
    return random.Random(size).randbytes(size)


def stored(files, name):
    return files.path("recordings", name)


@pytest.mark.parametrize("key", [None, KEY], ids=["plain", "sealed"])
@pytest.mark.parametrize("size", SIZES)
def test_what_was_written_is_read_from_any_place_on(tmp_path, key, size):
    files, data = Files(tmp_path, key), content(size)
    name = files.write("recordings", io.BytesIO(data))
    with files.read("recordings", name) as file:
        assert file.read() == data
        for start in {0, 1, size // 2, max(0, size - 3), CHUNK - 1, CHUNK}:
            file.seek(start)
            assert file.read(10) == data[start : start + 10]
        assert file.seek(0, io.SEEK_END) == size


def test_a_recording_is_named_by_the_bytes_on_the_disk(tmp_path):
    import hashlib

    files = Files(tmp_path, KEY)
    name = files.write("recordings", io.BytesIO(b"hello"))
    assert hashlib.sha256(stored(files, name).read_bytes()).hexdigest() == name
    assert stored(files, name).parent.parts[-2:] == (name[:2], name[2:4])


def test_nothing_of_what_is_sealed_is_on_the_disk(tmp_path):
    files = Files(tmp_path, KEY)
    name = files.write("recordings", io.BytesIO(b"four one one one " * 1000))
    assert b"four one" not in stored(files, name).read_bytes()
    again = files.write("recordings", io.BytesIO(b"four one one one " * 1000))
    assert again != name


@given(data=st.data())
@settings(max_examples=60)
def test_a_changed_byte_does_not_open(tmp_path_factory, data):
    files = Files(tmp_path_factory.mktemp("f"), KEY)
    name = files.write("recordings", io.BytesIO(content(CHUNK + 100)))
    path = stored(files, name)
    sealed = bytearray(path.read_bytes())
    at = data.draw(st.integers(len(MAGIC), len(sealed) - 1))
    sealed[at] ^= data.draw(st.integers(1, 255))
    path.write_bytes(sealed)
    with pytest.raises(SealedError), files.read("recordings", name) as file:
        file.read()


def test_a_file_cut_at_a_chunk_or_with_chunks_in_another_order_does_not_open(tmp_path):
    files = Files(tmp_path, KEY)
    name = files.write("recordings", io.BytesIO(content(3 * CHUNK)))
    path = stored(files, name)
    whole, header, chunk = path.read_bytes(), 40, CHUNK + 16
    parts = [whole[header + i * chunk : header + (i + 1) * chunk] for i in range(3)]
    for forged in (parts[:2], parts[:1], [], [parts[1], parts[0], parts[2]], [parts[0], parts[2]]):
        path.write_bytes(whole[:header] + b"".join(forged))
        with pytest.raises(SealedError), files.read("recordings", name) as file:
            file.read()


def test_a_wrong_key_and_a_missing_key_are_told_plainly(tmp_path):
    name = Files(tmp_path, KEY).write("recordings", io.BytesIO(b"x"))
    with pytest.raises(SealedError, match="SENTIMENT_AUDIO_KEY_FILE holds another key"):
        Files(tmp_path, bytes(32)).read("recordings", name)
    with pytest.raises(SealedError, match="is encrypted; set SENTIMENT_AUDIO_KEY_FILE"):
        Files(tmp_path).read("recordings", name)


def test_what_was_written_before_there_was_a_key_stays_readable(tmp_path):
    name = Files(tmp_path).write("recordings", io.BytesIO(b"early"))
    with Files(tmp_path, KEY).read("recordings", name) as file:
        assert file.read() == b"early"


def test_a_key_file_is_for_its_owner_and_is_never_overwritten(tmp_path):
    path = tmp_path / "key"
    new_key_file(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(read_key(path)) == 32
    with pytest.raises(InputError, match="is there already"):
        new_key_file(path)
    path.write_text("c2hvcnQ=")
    with pytest.raises(InputError, match="holds no key"):
        read_key(path)
    with pytest.raises(InputError, match="sentiment key new"):
        read_key(tmp_path / "none")


def test_a_full_disk_leaves_nothing_behind(tmp_path):
    class Full(io.RawIOBase):
        def __init__(self, path):
            self.file, self.left = path.open("xb"), 1000

        def write(self, data):
            self.left -= len(data)
            if self.left < 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return self.file.write(data)

        def close(self):
            self.file.close()

    files = Files(tmp_path, None, Full)
    with pytest.raises(OSError, match="No space"):
        files.write("staging", io.BytesIO(bytes(5000)))
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


def test_a_file_that_was_not_kept_is_gone(tmp_path):
    files = Files(tmp_path)
    with files.incoming("staging") as file:
        file.write(b"half")
    assert list((tmp_path / "staging").iterdir()) == []


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "", "a" * 65, "ABCD" * 10, "a\0b"])
def test_no_name_of_others_is_ever_a_path(tmp_path, name):
    with pytest.raises(InputError, match="is no name of a file here"):
        Files(tmp_path).path("staging", name)


def test_facts_lie_beside_and_go_along(tmp_path):
    files = Files(tmp_path, KEY)
    name = files.write("staging", io.BytesIO(b"x"))
    files.put_facts(name, {"about": {"customer_id": "Jane Doe"}})
    assert files.facts(name) == {"about": {"customer_id": "Jane Doe"}}
    assert b"Jane" not in files.path("staging", f"{name}.facts").read_bytes()
    files.remove("staging", name)
    assert list((tmp_path / "staging").iterdir()) == []


def test_what_is_older_is_listed_and_what_was_never_finished_goes(tmp_path):
    files = Files(tmp_path)
    old, new = (files.write("recordings", io.BytesIO(data)) for data in (b"old", b"new"))
    half = tmp_path / "recordings" / "dead.part"
    half.write_bytes(b"")
    for path in (stored(files, old), half):
        os.utime(path, (0, 0))
    assert list(files.older("recordings", 3600)) == [old]
    assert not half.exists()
    assert stored(files, new).exists()
