"""The package as it is shipped: all of its files, the command, and one call from end to end."""

import json
import os
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest

import sentiment
from sentiment.call import from_json
from sentiment.weights import OWN_WEIGHTS, verify, weights_dir

PACKAGE = Path(sentiment.__file__).parent
SAMPLES = PACKAGE / "samples"


def run(*args, **more):
    command = [sys.executable, "-c", "from service.cli import main; main()", *map(str, args)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "160", **more.pop("env", {})}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, **more)


def test_weights_schema_templates_and_samples_are_in_the_package():
    for name in OWN_WEIGHTS:
        assert len(verify(weights_dir(name))) == 64
        if PACKAGE.parent.name == "wheel":
            assert weights_dir(name).is_relative_to(PACKAGE)
    assert files("sentiment").joinpath("call.schema.json").is_file()
    assert files("sentiment").joinpath("py.typed").is_file()
    assert all(files("sentiment.rules").joinpath(f"{n}.toml").is_file() for n in ("default", "phrases"))
    assert len([p for p in SAMPLES.iterdir() if p.name.endswith(".truth.json")]) >= 6


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["score", "nothing-here.wav"], 1, "nothing-here.wav"),
        (["score"], 2, "Missing argument"),
        (["score", "a.wav", "--format", "pdf"], 2, "choose from json, html"),
        (["score", "a.wav", "--channels", "boss=0"], 2, "unknown role 'boss'"),
        (["score", "a.wav", "--engine", "siri"], 2, "siri"),
        (["score", "a.wav", "--beam-size", "0"], 2, "--beam-size"),
        (["score", "a.wav", "--fromat", "json"], 2, "--fromat"),
        (["frobnicate"], 2, "frobnicate"),
        ([], 2, "Usage"),
    ],
)
def test_wrong_use_is_told_in_words_without_a_traceback(tmp_path, args, code, said):
    done = run(*args, cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert said in done.stderr + done.stdout
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").glob("*.json"))


def test_help_names_every_command():
    done = run("--help")
    assert done.returncode == 0
    assert all(name in done.stdout for name in ("score", "transcribe", "moments", "rules", "doctor"))
    assert run("--version").stdout.strip() == f"sentiment {sentiment.__version__}"


@pytest.mark.model
def test_a_sample_call_from_end_to_end_while_its_neighbours_fail(tmp_path):
    (tmp_path / "fake.wav").write_text("no sound in here")
    (tmp_path / "empty").mkdir()
    sample = next(
        p for p in sorted(SAMPLES.iterdir()) if p.stem == "angry_then_resolved" and p.suffix != ".json"
    )
    out = tmp_path / "out"
    done = run(
        "score", "fake.wav", sample, "empty", "gone.mp3", SAMPLES / "chat.jsonl",
        "--out", out, "--model", "tiny.en", "--format", "json,html", "--threads", "1", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 1
    errors = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert len(errors) == 3, done.stderr
    assert {name for name in ("fake.wav", "empty", "gone.mp3") for e in errors if name in e} == {
        "fake.wav", "empty", "gone.mp3",
    }  # fmt: skip
    assert "Traceback" not in done.stderr
    results = [from_json(p.read_text("utf-8")) for p in out.glob("*.json")]
    call = next(c for c in results if c.audio is not None)
    assert {c.role for c in call.channels} == {"agent", "customer"}
    assert all((u.score is None) != (u.unscored is None) for u in call.utterances)
    truth = json.loads((SAMPLES / "angry_then_resolved.truth.json").read_text("utf-8"))
    for turn in (t for t in truth["turns"] if len(t["text"].split()) > 2):
        assert any(
            u.role == turn["role"] and u.start_ms < turn["end_ms"] and u.end_ms > turn["start_ms"]
            for u in call.utterances
        ), turn["text"]
    assert any(s.role == "customer" and s.direction == "better" for s in call.shifts)
    index = (out / "index.html").read_text("utf-8")
    assert "gone.mp3" in index
    assert f"{call.id}.html" in index


@pytest.mark.model
def test_doctor_finds_every_model_intact():
    done = run("doctor")
    assert done.returncode == 0, done.stdout
    assert "whisper base (transcribe): ok" in done.stdout
    assert "NOT as pinned" not in done.stdout
    assert "Ready." in done.stdout


@pytest.mark.model
def test_an_unknown_model_is_wrong_use(tmp_path):
    done = run("score", SAMPLES / "angry_then_resolved.ogg", "--model", "gigantic", "--out", tmp_path)
    assert done.returncode == 2
    assert "gigantic" in done.stderr
    assert "Traceback" not in done.stderr
