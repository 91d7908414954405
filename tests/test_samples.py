"""The shipped sample calls: what their truth says is what is in the audio, and all are marked synthetic."""

import json
import tomllib
from datetime import datetime
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import soundfile

from sentiment import samples
from sentiment.rules.reader import default_rules
from sentiment.timeline import Span

FOLDER = Path(samples.__file__).parent
RECORDINGS = samples.paths()
SCRIPTS = sorted((FOLDER / "scripts").glob("*.toml"))
POLARITY = {"negative": -1, "neutral": 0, "positive": 1}
every_recording = pytest.mark.parametrize("path", RECORDINGS, ids=lambda p: p.name)
every_script = pytest.mark.parametrize("script", SCRIPTS, ids=lambda p: p.stem)


@cache
def audio_of(path: Path) -> tuple[np.ndarray, int]:
    """Samples ``(n_channels, n_samples)`` in [-1, 1], as PyAV decodes the file, and the rate."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        resampler = av.AudioResampler(format="fltp", layout=stream.layout.name, rate=stream.rate)
        frames = [f for frame in [*container.decode(stream), None] for f in resampler.resample(frame)]
        return np.concatenate([f.to_ndarray() for f in frames], axis=1), stream.rate


def truth_of(path: Path) -> dict[str, Any]:
    return json.loads((FOLDER / f"{path.stem}.truth.json").read_text("utf-8"))


def level_db(sound: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(sound**2) + 1e-12))


def test_paths_are_the_recordings_sorted():
    assert [p.stem for p in RECORDINGS] == sorted(
        [
            "angry_then_resolved",
            "billing_mono",
            "calm_then_lost",
            "dip_and_recovery",
            "long_hold",
            "steady_neutral",
        ]
    )
    assert all(p.is_file() for p in RECORDINGS)


def test_they_are_small_enough_to_ship():
    assert sum(p.stat().st_size for p in RECORDINGS) < 8_000_000


def test_the_formats_of_real_archives_are_among_them():
    assert {p.suffix for p in RECORDINGS} == {".flac", ".mp3", ".ogg", ".wav"}
    wav = soundfile.info(FOLDER / "dip_and_recovery.wav")
    assert (wav.subtype, wav.samplerate, wav.channels) == ("ULAW", 8000, 2)
    flac = soundfile.info(FOLDER / "steady_neutral.flac")
    assert (flac.samplerate, flac.channels) == (16_000, 2)


@every_recording
def test_readers_agree_on_the_file(path):
    sound, rate = audio_of(path)
    info = soundfile.info(path)
    assert info.channels == len(sound) == (1 if truth_of(path)["channels"] == {"mono": 0} else 2)
    assert info.duration == pytest.approx(sound.shape[1] / rate, abs=0.2)
    assert 90 <= info.duration <= 240
    assert np.abs(sound).max() < 1.05


@every_script
def test_the_truth_is_what_the_script_says(script):
    written = tomllib.loads(script.read_text("utf-8"))
    lines = [line.split(" | ") for line in written["dialogue"].strip().splitlines() if " | " in line]
    said = truth_of(script)["turns"]
    assert [text for _, text in lines] == [t["text"] for t in said]
    assert [head.split()[0] for head, _ in lines] == [t["role"] for t in said]
    assert 18 <= len(said) <= 40


@every_script
def test_turns_are_in_order_and_inside_the_call(script):
    truth = truth_of(script)
    assert all(a["start_ms"] < b["start_ms"] for a, b in pairwise(truth["turns"]))
    assert {t["polarity_label"] for t in truth["turns"]} <= POLARITY.keys()
    if script.stem == "chat":
        return
    (path,) = (p for p in RECORDINGS if p.stem == script.stem)
    sound, rate = audio_of(path)
    for turn in truth["turns"] + truth["holds"]:
        assert 0 <= turn["start_ms"] < turn["end_ms"] <= sound.shape[1] * 1000 / rate


@every_script
def test_shifts_are_the_customers_and_follow_a_turn_of_the_agent(script):
    truth = truth_of(script)
    turns = truth["turns"]
    assert bool(truth["shifts"]) == (script.stem != "steady_neutral")
    for shift in truth["shifts"]:
        index, trigger = shift["turn_index"], shift["trigger_turn"]
        assert shift["role"] == turns[index]["role"] == "customer"
        assert shift["at_ms"] == turns[index]["start_ms"]
        assert turns[trigger]["role"] == "agent"
        assert trigger < index
        before, after = (
            np.mean([POLARITY[t["polarity_label"]] for t in part[:4]])
            for part in (
                [t for t in turns[index - 1 :: -1] if t["role"] == "customer"],
                [t for t in turns[index:] if t["role"] == "customer"],
            )
        )
        assert shift["direction"] == ("better" if after > before else "worse")
        assert abs(after - before) >= 0.5


@every_script
def test_everything_is_marked_synthetic(script):
    truth = truth_of(script)
    assert truth["synthetic"] is True
    assert "Synthetic" in truth["notice"]


@every_recording
def test_the_files_say_they_are_synthetic(path):
    with av.open(str(path)) as container:
        tags = {**container.metadata, **container.streams.audio[0].metadata}
    assert any("ynthetic" in value for value in tags.values())


@every_script
def test_surveys_are_on_their_scales(script):
    for survey in (truth_of(script)["survey"], truth_of(script)["nps"]):
        assert survey["scale_min"] <= survey["value"] <= survey["scale_max"]


@pytest.mark.parametrize("path", [p for p in RECORDINGS if p.stem != "billing_mono"], ids=lambda p: p.name)
def test_each_turn_is_heard_on_its_own_channel_only(path):
    sound, rate = audio_of(path)
    truth = truth_of(path)
    channel_of = {**truth["channels"], "ivr": truth["channels"]["agent"]}
    for turn in truth["turns"]:
        own = channel_of[turn["role"]]
        span = Span(turn["start_ms"], turn["end_ms"])
        here = sound[:, span.start_ms * rate // 1000 : span.end_ms * rate // 1000]
        assert level_db(here[own]) > -35, turn["text"]
        crossed = any(
            channel_of[other["role"]] != own
            and other["start_ms"] < span.end_ms + 100
            and span.start_ms - 100 < other["end_ms"]
            for other in truth["turns"]
        )
        if not crossed:
            assert level_db(here[own]) - level_db(here[1 - own]) > 20, turn["text"]


@every_recording
def test_it_is_quiet_where_nobody_speaks(path):
    sound, rate = audio_of(path)
    truth = truth_of(path)
    music = [h for h in truth["holds"] if h["kind"] == "music"]
    busy = sorted((t["start_ms"], t["end_ms"]) for t in truth["turns"] + music)
    for (_, end_ms), (start_ms, _) in pairwise(busy):
        if start_ms - end_ms > 400:
            pause = sound[:, (end_ms + 150) * rate // 1000 : (start_ms - 150) * rate // 1000]
            assert level_db(pause) < -45


def test_expected_moments_are_rules_there_are():
    expected = {rule for script in SCRIPTS for rule in truth_of(script)["moments"]}
    assert {"worsening", "recovery", "not_recovered", "dead_air_frustration", "threat_to_leave"} <= expected
    assert expected <= {rule.name for rule in default_rules().rules}


def test_the_parties_talk_over_each_other_somewhere():
    turns = truth_of(FOLDER / "calm_then_lost")["turns"]
    assert any(b["role"] == "customer" and b["start_ms"] < a["end_ms"] for a, b in pairwise(turns))


def test_the_hold_is_music_then_silence_then_an_irritated_customer():
    truth = truth_of(FOLDER / "long_hold")
    music, silence = truth["holds"]
    assert (music["kind"], silence["kind"]) == ("music", "silence")
    assert 45_000 <= silence["end_ms"] - music["start_ms"] <= 60_000
    sound, rate = audio_of(FOLDER / "long_hold.ogg")
    heard = sound[:, music["start_ms"] * rate // 1000 : music["end_ms"] * rate // 1000]
    assert level_db(heard[0]) > -40
    assert level_db(heard[1]) < -55
    assert truth["shifts"][0]["at_ms"] > silence["end_ms"]


@every_recording
def test_sidecars_fit_their_recordings(path):
    sidecar = json.loads((FOLDER / f"{path.name}.json").read_text("utf-8"))
    assert datetime.fromisoformat(sidecar["started_at"]).tzinfo is not None
    assert sidecar["metadata"]["synthetic"] is True
    assert sidecar.keys() <= {
        "call_id", "agent_id", "customer_id", "queue", "started_at", "channels", "metadata",
    }  # fmt: skip
    if "channels" in sidecar:
        assert sidecar["channels"] == truth_of(path)["channels"]


def test_some_sidecars_leave_the_channels_to_be_worked_out():
    given = ["channels" in json.loads((FOLDER / f"{p.name}.json").read_text("utf-8")) for p in RECORDINGS]
    assert any(given)
    assert not all(given)


def test_the_chat_is_one_conversation_a_line_per_message():
    lines = [json.loads(line) for line in (FOLDER / "chat.jsonl").read_text("utf-8").splitlines()]
    assert {line["call_id"] for line in lines} == {"thermostat_chat"}
    turns = truth_of(FOLDER / "chat")["turns"]
    for line, turn in zip(lines, turns, strict=True):
        assert line.items() - {("call_id", "thermostat_chat")} <= turn.items()


def test_the_readme_tells_of_every_sample():
    readme = (FOLDER / "README.md").read_text("utf-8")
    assert all(p.name in readme for p in [*RECORDINGS, FOLDER / "chat.jsonl"])
