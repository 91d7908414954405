"""Results are whole or absent, and a call id never leads out of its folder."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentiment.errors import OutputError
from sentiment.files import file_stem, make_folder, remove_leftovers, write_atomically


def test_writes_text_and_bytes_and_makes_the_folder(tmp_path):
    write_atomically(tmp_path / "a" / "b.txt", "grüße\n")
    write_atomically(tmp_path / "a" / "b.bin", b"\0\1")
    assert (tmp_path / "a" / "b.txt").read_bytes() == "grüße\n".encode()
    assert (tmp_path / "a" / "b.bin").read_bytes() == b"\0\1"
    assert sorted(p.name for p in (tmp_path / "a").iterdir()) == ["b.bin", "b.txt"]


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path):
    target = tmp_path / "call.json"
    target.write_text("old")
    script = (
        "import resource, signal, sys; from pathlib import Path\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "from sentiment.files import write_atomically; from sentiment.errors import OutputError\n"
        "try: write_atomically(Path(sys.argv[1]), 'x' * 5000)\n"
        "except OutputError as error: print(error); sys.exit(7)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, target], capture_output=True, text=True, check=False)
    assert done.returncode == 7, done.stderr
    assert "call.json: cannot be written (File too large)" in done.stdout
    assert target.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["call.json"]


STALLED = (
    "import os, sys, time; from pathlib import Path\n"
    "from sentiment.files import write_atomically\n"
    "def stall(_descriptor): print('half', flush=True); time.sleep(60)\n"
    "os.fsync = stall\n"
    "write_atomically(Path(sys.argv[1]), b'somebody speaks')\n"
)
"""A process that comes to a halt with its file written, but not yet under its name."""


def test_what_a_killed_process_leaves_is_removed_and_what_a_live_one_writes_is_not(tmp_path):
    target = tmp_path / "call.html"
    command = [sys.executable, "-c", STALLED, target]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        try:
            assert writer.stdout.readline() == "half\n"
            (part,) = tmp_path.iterdir()
            assert remove_leftovers(tmp_path) == ()
            assert part.exists(), "it is being written"
        finally:
            writer.send_signal(signal.SIGKILL)
    writer.wait()
    assert part.exists(), "a killed process tidies nothing"
    assert remove_leftovers(tmp_path) == (part,)
    assert list(tmp_path.iterdir()) == []


def test_only_files_of_that_name_are_leftovers(tmp_path):
    others = [".call.json.part", "call.json.0123456789abcdef.part", ".call.0123456789abcdef.part.txt"]
    for name in others:
        (tmp_path / name).write_text("mine")
    outside = tmp_path / "kept.wav"
    outside.write_text("mine")
    (tmp_path / ".link.0123456789abcdef.part").symlink_to(outside)
    os.mkfifo(tmp_path / ".pipe.0123456789abcdef.part")
    (tmp_path / ".folder.0123456789abcdef.part").mkdir()
    before = sorted(tmp_path.iterdir())
    assert remove_leftovers(tmp_path) == ()
    assert sorted(tmp_path.iterdir()) == before
    assert remove_leftovers(tmp_path / "none") == ()


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"x\.json: cannot be written"):
        write_atomically(tmp_path / "file" / "x.json", "")


@given(st.text(min_size=1, max_size=300))
def test_a_call_id_gives_one_plain_file_name(call_id):
    stem = file_stem(call_id)
    assert Path(stem).name == stem
    assert not stem.startswith(".")
    assert len(f"{stem}.html".encode()) <= 255
    assert not any(ord(c) < 32 for c in stem)


@given(
    st.lists(
        st.text(min_size=1, max_size=200) | st.sampled_from(["index", "Index", "%69ndex"]),
        unique=True,
        max_size=8,
    )
)
def test_different_call_ids_give_different_names(ids):
    assert len({file_stem(i) for i in ids}) == len(ids)


def test_plain_ids_stay_as_they_are():
    assert file_stem("2026-03-02 call_17 (a)") == "2026-03-02 call_17 (a)"
    assert file_stem("../../etc/passwd") == "%2E.%2F..%2Fetc%2Fpasswd"


@pytest.mark.parametrize(
    ("call_id", "stem"), [("index", "%69ndex"), ("INDEX", "%49NDEX"), ("index2", "index2")]
)
def test_no_call_takes_the_name_of_the_overview(call_id, stem):
    assert file_stem(call_id) == stem


def test_half_a_surrogate_pair_is_written_all_the_same(tmp_path):
    target = tmp_path / f"{file_stem(chr(0xD83D) * 100)}.txt"
    write_atomically(target, "a\ud83db")
    assert target.read_bytes() == b"a?b"


def test_the_umask_is_heeded_without_being_touched(tmp_path, monkeypatch):
    old = os.umask(0o027)
    try:
        monkeypatch.setattr(os, "umask", None)
        write_atomically(tmp_path / "a", "")
    finally:
        monkeypatch.undo()
        os.umask(old)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640


def test_a_folder_for_results_is_tried_before_the_work(tmp_path):
    make_folder(tmp_path / "a" / "b")
    make_folder(tmp_path / "a" / "b")
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="is a file, not a folder"):
        make_folder(tmp_path / "file")
    with pytest.raises(OutputError, match="cannot be made"):
        make_folder(tmp_path / "file" / "deeper")
