"""Every format in, the same sound out; nothing lost in silence; memory that does not grow."""

from __future__ import annotations

import hashlib
import itertools
import os
import re
import subprocess
import sys
from pathlib import Path

import audio_files as files
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment.audio import SAMPLE_RATE_HZ, Recording, open_recording, peaks, playback
from sentiment.audio.decode import Source
from sentiment.errors import AudioError, OutputError
from sentiment.timeline import Span

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
SECONDS = 3.0


def check_tones(recording: Recording, *, n_channels: int, slack_ms: int = 150) -> None:
    """Each channel holds its own tone, at its level, for as long as it was made."""
    assert recording.n_channels == n_channels
    assert abs(recording.duration_ms - SECONDS * 1000) <= slack_ms
    for channel in range(n_channels):
        middle = recording.read(channel, Span(500, 2500))
        assert files.loudest_hz(middle) == pytest.approx(files.TONES_HZ[channel], abs=2)
        assert np.sqrt(np.mean(middle**2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.15)


# -- formats -------------------------------------------------------------------------------------

SNDFILE = [
    ("pcm8.wav", 8_000, 2, "PCM_U8", "pcm_u8"),
    ("pcm16.wav", 44_100, 2, "PCM_16", "pcm_s16le"),
    ("pcm24.wav", 48_000, 2, "PCM_24", "pcm_s24le"),
    ("pcm32.wav", 16_000, 2, "PCM_32", "pcm_s32le"),
    ("float.wav", 22_050, 2, "FLOAT", "pcm_f32le"),
    ("mulaw.wav", 8_000, 2, "ULAW", "pcm_mulaw"),
    ("alaw.wav", 8_000, 1, "ALAW", "pcm_alaw"),
    ("gsm.wav", 8_000, 1, "GSM610", "gsm_ms"),
    ("adpcm.wav", 8_000, 1, "MS_ADPCM", "adpcm_ms"),
    ("sun.au", 8_000, 2, "ULAW", "pcm_mulaw"),
    ("apple.aiff", 11_025, 2, "PCM_16", "pcm_s16be"),
    ("flac.flac", 32_000, 2, None, "flac"),
    ("vorbis.ogg", 16_000, 2, "VORBIS", "vorbis"),
    ("opus.opus", 16_000, 2, "OPUS", "opus"),
    ("mp3.mp3", 8_000, 2, None, "mp3"),
    ("raw.ul", 8_000, 1, "ULAW", "pcm_mulaw"),
    ("raw.pcma", 8_000, 1, "ALAW", "pcm_alaw"),
    ("raw.sln", 8_000, 1, "PCM_16", "pcm_s16le"),
]

FFMPEG = [
    ("mp3.mp3", 44_100, 2, "libmp3lame", "mp3"),
    ("aac.m4a", 16_000, 2, "aac", "aac"),
    ("aac-8k.m4a", 8_000, 1, "aac", "aac"),
    ("aac.aac", 48_000, 2, "aac", "aac"),
    ("opus.webm", 48_000, 2, "libopus", "opus"),
    ("narrow.amr", 8_000, 1, "libopencore_amrnb", "amr_nb"),
    ("narrow.3gp", 8_000, 1, "libopencore_amrnb", "amr_nb"),
    ("wide.g722", 16_000, 1, "g722", "adpcm_g722"),
    ("g722.wav", 16_000, 1, "g722", "adpcm_g722"),
    ("windows.wma", 16_000, 2, "wmav2", "wmav2"),
    ("layer2.mp2", 16_000, 2, "mp2", "mp2"),
]


@pytest.mark.parametrize(("name", "rate_hz", "n_channels", "subtype", "codec"), SNDFILE)
def test_reads_what_libsndfile_writes(tmp_path, name, rate_hz, n_channels, subtype, codec):
    path = files.write(tmp_path / name, files.tones(SECONDS, rate_hz, n_channels), rate_hz, subtype)
    with open_recording(path) as recording:
        check_tones(recording, n_channels=n_channels)
        facts = recording.audio
        assert (facts.name, facts.codec, facts.n_channels) == (name, codec, n_channels)
        assert facts.sample_rate_hz == (48_000 if codec == "opus" else rate_hz)  # Opus is always 48 kHz
        assert facts.layout == ("stereo" if n_channels == 2 else "mono")
        assert facts.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
        headerless = path.suffix in (".ul", ".pcma", ".sln")
        assert len(recording.warnings) == headerless  # a guess is said to be one


@pytest.mark.parametrize(("name", "rate_hz", "n_channels", "encoder", "codec"), FFMPEG)
def test_reads_what_ffmpeg_writes(tmp_path, name, rate_hz, n_channels, encoder, codec):
    import av

    try:
        av.codec.Codec(encoder, "w")
    except av.codec.codec.UnknownCodecError:
        pytest.skip(f"this PyAV has no {encoder} encoder to make the file with")
    path = files.encode(tmp_path / name, files.tones(SECONDS, rate_hz, n_channels), rate_hz, encoder)
    with open_recording(path) as recording:
        check_tones(recording, n_channels=n_channels)
        assert (recording.audio.codec, recording.audio.sample_rate_hz) == (codec, rate_hz)
        assert len(recording.warnings) == name.endswith(".g722")


@pytest.mark.parametrize(("name", "encoder"), [("meeting.mp4", "aac"), ("meeting.webm", "libopus")])
def test_reads_the_sound_of_a_video(tmp_path, name, encoder):
    path = files.encode(tmp_path / name, files.tones(SECONDS, 48_000), 48_000, encoder, video=True)
    with open_recording(str(path)) as recording:
        check_tones(recording, n_channels=2)


def test_reads_amr_wide_band(tmp_path):
    with open_recording(files.write_amr_wb(tmp_path / "wide.amr", n_frames=100)) as recording:
        assert (recording.audio.codec, recording.duration_ms) == ("amr_wb", 2000)


@pytest.mark.parametrize("stated", [0, 0xFFFF_FFFF, 0x7FFF_FFFF])
def test_reads_wav_from_a_pipe_whose_length_was_not_known(tmp_path, stated):
    path = files.write(tmp_path / "pipe.wav", files.tones(SECONDS, 8_000), 8_000)
    data = path.read_bytes()
    at = data.index(b"data") + 4
    path.write_bytes(data[:at] + stated.to_bytes(4, "little") + data[at + 4 :])
    with open_recording(path) as recording:
        check_tones(recording, n_channels=2)
        assert recording.warnings == ()


def test_sixteen_bit_samples_come_back_bit_for_bit(tmp_path):
    samples = np.random.default_rng(0).integers(-32_768, 32_768, (2, 40_000)).astype(np.float32) / 32_768
    with open_recording(files.write(tmp_path / "a.wav", samples, SAMPLE_RATE_HZ)) as recording:
        assert all(np.array_equal(recording.read(c), samples[c]) for c in range(2))


# -- channels ------------------------------------------------------------------------------------


def recorded(*channels: np.ndarray, rate_hz: int = 8_000) -> Recording:
    return Recording.from_samples(np.stack(channels), rate_hz)


@pytest.mark.parametrize("gain", [1.0, 0.5, -1.0, 2.0])
@pytest.mark.parametrize("subtype", ["PCM_16", "ULAW", "ALAW"])
def test_copies_of_one_channel_are_mono(tmp_path, gain, subtype):
    voice = files.babble(10)[0]
    path = files.write(tmp_path / "a.wav", np.stack([voice, gain * voice]), 8_000, subtype)
    with open_recording(path) as recording:
        assert (recording.audio.layout, recording.audio.n_channels, recording.n_channels) == (
            "identical",
            2,
            1,
        )
        assert recording.warnings == ("Channels 0 and 1 hold the same sound; treated as a mono recording.",)
        with pytest.raises(IndexError, match="no channel 1"):
            recording.read(1)


@pytest.mark.parametrize("name", ["a.mp3", "a.ogg", "a.opus"])
def test_copies_through_a_lossy_codec_are_mono(tmp_path, name):
    voice = files.babble(10, 16_000)[0]
    subtype = "OPUS" if name.endswith("opus") else None
    with open_recording(files.write(tmp_path / name, np.stack([voice, voice]), 16_000, subtype)) as recording:
        assert recording.audio.layout == "identical"


@pytest.mark.parametrize("leak", [0.0, 0.01, 0.1, 0.3, 0.6])
def test_cross_talk_is_stereo(leak):
    agent, customer = files.babble(10, seed=1)[0], files.babble(10, seed=2)[0]
    with recorded(agent + leak * customer, customer + leak * agent) as recording:
        assert (recording.audio.layout, recording.n_channels, recording.warnings) == ("stereo", 2, ())


def test_one_word_in_ten_minutes_on_a_line_with_strong_cross_talk_is_stereo():
    agent, customer = files.babble(600, seed=1)[0], np.zeros(600 * 8_000, np.float32)
    customer[:8_000] = 0.1 * files.babble(1, seed=2)[0]
    with recorded(agent, customer + 0.5 * agent) as recording:
        assert recording.audio.layout == "stereo"


def test_a_faint_copy_is_cross_talk_of_a_party_who_said_nothing():
    agent = files.babble(10)[0]
    with recorded(agent, 0.1 * agent) as recording:
        assert recording.audio.layout == "stereo"


def test_a_silent_channel_is_kept_and_said_to_be_silent():
    voice = files.babble(5)[0]
    offset = np.full_like(voice, 0.01)  # a constant is no sound
    with recorded(voice, offset) as recording:
        assert recording.n_channels == 2
        assert recording.warnings == ("Channel 1 is silent.",)


@pytest.mark.parametrize("n_channels", [1, 2])
def test_silence_is_said_to_be(n_channels):
    with Recording.from_samples(np.zeros((n_channels, 8_000), np.float32), 8_000) as recording:
        assert recording.n_channels == n_channels
        assert recording.warnings == ("The recording is silent.",)


def test_three_channels_are_identical_only_if_all_are():
    a, b = files.babble(5, seed=1)[0], files.babble(5, seed=2)[0]
    with recorded(a, a, b) as mixed, recorded(a, a, a) as same:
        assert (mixed.audio.layout, mixed.n_channels) == ("stereo", 3)
        assert (same.audio.layout, same.n_channels) == ("identical", 1)


@pytest.mark.shared
@pytest.mark.parametrize("name", ["auto_repairs_40.stereo.flac", "auto_0.mono.flac"])
def test_real_calls(name):
    path = SHARED / "calls" / name
    if not path.exists():
        pytest.skip(f"{name} is not beside this checkout")
    with open_recording(path) as recording:
        assert recording.audio.layout == name.split(".")[1]
        assert recording.warnings == ()


# -- broken files --------------------------------------------------------------------------------

UNREADABLE = {
    "folder": "is a folder",
    "missing.wav": "no such file",
    "empty.wav": r"is empty \(0 bytes\)",
    "text.wav": "not a sound file",
    "noise.mp3": "holds no sound",
    "noise.wav": "not a sound file",
    "head.wav": "holds no sound",
    "none.wav": "holds no sound",
    "nine.wav": "has 9 channels",
    "film.mp4": "no audio track",
    "cut-index.m4a": "without its index",
    "cut-hole.flac": "holds no sound",
    "list.wav": "not a sound file",
    "concat.wav": "not a sound file",
    "nan.wav": "not numbers",
    "slow.wav": "sample rate is 100 Hz",
    "bell\n.wav": "no such file",
}


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    root = tmp_path_factory.mktemp("broken")
    sound = files.tones(1, 8_000)
    (root / "folder").mkdir()
    (root / "empty.wav").touch()
    (root / "text.wav").write_text("Agent: how can I help?\n" * 500)
    for name in ("noise.mp3", "noise.wav"):
        (root / name).write_bytes(np.random.default_rng(3).bytes(100_000))
    (root / "head.wav").write_bytes(files.write(root / "ok.wav", sound, 8_000).read_bytes()[:44])
    files.write(root / "none.wav", sound[:, :0], 8_000)
    files.write(root / "nine.wav", np.repeat(sound[:1], 9, axis=0), 8_000)
    files.write_silent_film(root / "film.mp4")
    files.cut(files.encode(root / "index.m4a", sound, 8_000, "aac"), 0.9)
    files.cut(files.write(root / "hole.flac", sound, 8_000), 0.01)
    ok = (root / "ok.wav").as_posix()
    (root / "list.wav").write_text(
        f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile://{ok}\n#EXT-X-ENDLIST\n"
    )
    (root / "concat.wav").write_text("ffconcat version 1.0\nfile ok.wav\n")
    files.write(root / "nan.wav", np.full_like(sound, np.nan), 8_000, "FLOAT")
    files.write(root / "slow.wav", sound, 100)
    return root


@pytest.mark.parametrize(("name", "what"), UNREADABLE.items())
def test_what_cannot_be_read_is_an_error_of_one_line(broken, name, what):
    with pytest.raises(AudioError, match=what) as caught:
        open_recording(broken / name)
    message = str(caught.value)
    assert name.replace("\n", "?") in message
    assert re.search(r"[;,] .+", message), "it says what to do"
    assert "\n" not in message


@pytest.mark.skipif(not hasattr(os, "setuid"), reason="needs POSIX users")
def test_a_file_one_may_not_read(tmp_path):
    path = files.write(tmp_path / "secret.wav", files.tones(1, 8_000), 8_000)
    path.chmod(0)
    code = (
        "import os, sys\n"
        "from sentiment.audio import open_recording\n"
        "from sentiment.errors import AudioError\n"
        "folder = os.open(sys.argv[1], os.O_RDONLY)\n"
        "os.fchdir(folder)\n"
        "if os.geteuid() == 0: os.setuid(65534)\n"
        "try: open_recording('secret.wav')\n"
        "except AudioError as error: print(error)\n"
    )
    tmp_path.chmod(0o755)
    done = run(code, str(tmp_path))
    assert done.stdout == "secret.wav: may not be read; ask for read permission\n"


@pytest.mark.parametrize(
    ("name", "subtype"),
    [("a.wav", "PCM_16"), ("u.wav", "ULAW"), ("a.au", "ULAW"), ("a.flac", None), ("a.mp3", None)],
)
def test_a_file_cut_short_is_read_as_far_as_it_goes_and_says_so(tmp_path, name, subtype):
    path = files.cut(files.write(tmp_path / name, files.babble(10, n_channels=2), 8_000, subtype), 0.6)
    with open_recording(path) as recording:
        assert 5_000 < recording.duration_ms <= 6_300
        read_s = recording.duration_ms / 1000
        said = re.search(r"holds ([\d.]+) s of sound, ([\d.]+) s could be read", " ".join(recording.warnings))
        assert said
        assert float(said[1]) == pytest.approx(10, abs=0.2)
        assert float(said[2]) == pytest.approx(read_s, abs=0.1)


@pytest.mark.parametrize("name", ["a.ogg", "a.opus"])
def test_an_ogg_file_without_its_end_says_so(tmp_path, name):
    subtype = "OPUS" if name.endswith("opus") else "VORBIS"
    whole = files.write(tmp_path / name, files.babble(10, n_channels=2), 8_000, subtype)
    with open_recording(files.cut(whole, 0.6)) as recording:
        assert recording.duration_ms > 3_000
        assert recording.warnings == (
            "The file lacks its end: it was cut short, or its recorder was stopped.",
        )


@pytest.mark.parametrize("name", ["a.mp3", "a.flac", "a.ogg"])
def test_damage_in_the_middle_does_not_end_the_recording(tmp_path, name):
    rate_hz = 8_000
    sound = np.concatenate([files.babble(20, rate_hz, n_channels=2), files.tones(10, rate_hz)], axis=1)
    whole = files.write(tmp_path / name, sound, rate_hz)
    bad = files.scribble(whole, 1_500)
    with open_recording(bad) as recording:
        assert recording.warnings
        end = Span(recording.duration_ms - 5_000, recording.duration_ms - 1_000)
        assert files.loudest_hz(recording.read(0, end)) == pytest.approx(files.TONES_HZ[0], abs=2)
        assert recording.duration_ms == pytest.approx(30_000, abs=2_500)


def test_holes_in_a_file_with_times_keep_what_follows_in_its_place(tmp_path):
    import av

    path = files.encode(tmp_path / "a.webm", files.tones(20, 48_000), 48_000, "libopus")
    holed = tmp_path / "holed.webm"
    with av.open(str(path)) as source, av.open(str(holed), "w") as out:
        track = out.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(audio=0):
            if packet.pts is not None and not 5 <= packet.pts * packet.time_base < 9:
                packet.stream = track
                out.mux(packet)
    with open_recording(holed) as recording:
        assert recording.duration_ms == pytest.approx(20_000, abs=50)
        assert np.abs(recording.read(0, Span(5_500, 8_500))).max() < 0.01
        assert files.loudest_hz(recording.read(0, Span(9_500, 19_000))) == pytest.approx(440, abs=2)
        assert recording.warnings == ("Gaps in the file, 4.0 s in all, were filled with silence.",)


def spread(path: Path, leap_s: float, n_leaps: int) -> Path:
    """A second of sound at 8 kHz, then ``n_leaps`` times ``leap_s`` of nothing and another second."""
    import av

    whole = files.encode(path.with_name("whole.mkv"), files.tones(n_leaps + 1, 8_000), 8_000, "flac")
    with av.open(str(whole)) as source, av.open(str(path), "w") as out:
        track = out.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(audio=0):
            if packet.pts is not None:
                n_before = min(n_leaps, int(packet.pts * packet.time_base))
                packet.pts = packet.dts = packet.pts + int(n_before * leap_s / packet.time_base)
                packet.stream = track
                out.mux(packet)
    return path


def test_a_long_hole_is_filled_a_second_at_a_time(tmp_path):
    with spread(tmp_path / "a.mkv", 590, 2).open("rb") as file, Source(file, "a.mkv") as source:
        sizes = [len(block) for block in source.blocks()]
        assert max(sizes) < 2.5 * source.sample_rate_hz
        assert sum(sizes) == pytest.approx(1_183 * source.sample_rate_hz, rel=0.001)


def test_holes_of_more_than_an_hour_in_all_are_damaged_times(tmp_path):
    damaged = r"^a.mkv: its timestamps are damaged: .* 60 minutes .*; export"
    path = spread(tmp_path / "a.mkv", 590, 7)
    with path.open("rb") as file, Source(file, path.name) as source, pytest.raises(AudioError, match=damaged):
        sum(map(len, source.blocks()))


def test_samples_that_are_not_numbers_become_silence_and_are_counted(tmp_path):
    sound = files.tones(1, 16_000)
    sound[0, 100], sound[1, 200], sound[1, 300] = np.nan, np.inf, -np.inf
    with open_recording(files.write(tmp_path / "a.wav", sound, 16_000, "FLOAT")) as recording:
        assert recording.warnings[0].startswith("3 samples were not numbers")
        assert recording.read(0)[100] == recording.read(1)[200] == 0
        assert np.isfinite(recording.read(1)).all()


def test_floats_of_the_wrong_scale_are_clipped_and_said_to_be():
    with recorded(30_000 * files.tones(1, 8_000)[0]) as recording:
        assert np.abs(recording.read(0)).max() <= 1
        assert "15000.0 times full scale" in recording.warnings[0]


def test_nothing_is_printed_and_nothing_heavy_imported(tmp_path):
    bad = files.scribble(files.write(tmp_path / "a.mp3", files.babble(5), 8_000), 3_000)
    code = (
        "import sys\n"
        "import sentiment.audio\n"
        "assert not {'av', 'soxr', 'soundfile', 'torch'} & set(sys.modules)\n"
        "sentiment.audio.open_recording(sys.argv[1])\n"
    )
    done = run(code, str(bad))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


# -- memory and disk -----------------------------------------------------------------------------


def run(code: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", **variables},
    )


def test_memory_does_not_grow_with_the_length(tmp_path):
    import soundfile

    code = (
        "import resource, sys\n"
        "from sentiment.audio import open_recording, peaks\n"
        "r = open_recording(sys.argv[1])\n"
        "peaks(r, 1, 1000)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
    )
    used_kb = []
    for minutes in (2, 20):
        path = tmp_path / f"{minutes}.wav"
        minute = files.babble(60, n_channels=2).T
        with soundfile.SoundFile(path, "w", 8_000, 2, subtype="ULAW") as out:
            for _ in range(minutes):
                out.write(minute)
        done = run(code, str(path))
        assert done.returncode == 0, done.stderr
        used_kb.append(int(done.stdout))
    # 20 minutes are 77 MB at 16 kHz in int16, and 38 MB on disk
    assert used_kb[1] - used_kb[0] < 20_000


@pytest.mark.skipif(sys.platform != "linux", reason="counts open files in /proc")
def test_the_sound_is_kept_where_tmpdir_says_under_no_name_and_given_back(tmp_path):
    path = files.write(tmp_path / "a.wav", files.tones(1, 8_000), 8_000)
    folder = tmp_path / "room"
    folder.mkdir()
    code = (
        "import os, sys\n"
        "from sentiment.audio import open_recording\n"
        "def held(): return sum(os.environ['TMPDIR'] in os.readlink(f'/proc/self/fd/{d}') "
        "for d in os.listdir('/proc/self/fd') if os.path.exists(f'/proc/self/fd/{d}'))\n"
        "r = open_recording(sys.argv[1])\n"
        "print(len(os.listdir(os.environ['TMPDIR'])), held())\n"
        "r.close()\n"
        "print(held())\n"
    )
    done = run(code, str(path), TMPDIR=str(folder))
    assert done.stdout == "0 2\n0\n", done.stderr


def test_no_room_to_keep_the_sound_names_the_folder_and_the_need(tmp_path):
    path = files.write(tmp_path / "a.flac", files.tones(100, 8_000), 8_000)
    code = (
        "import resource, sys\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, 500_000))\n"
        "from sentiment.audio import open_recording\n"
        "from sentiment.errors import OutputError\n"
        "try: open_recording(sys.argv[1])\n"
        "except OutputError as error: print(error)\n"
    )
    done = run(code, str(path), TMPDIR=str(tmp_path))
    assert done.stdout.startswith(f"{tmp_path}: cannot keep the decoded sound there"), done.stderr
    assert "about 6 MB" in done.stdout  # 100 s, two channels, 16 kHz, two bytes
    assert issubclass(OutputError, Exception)


# -- reading -------------------------------------------------------------------------------------


@given(
    seed=st.integers(0, 1000),
    n_channels=st.integers(1, 8),
    n=st.integers(1, 40_000),
    amplitude=st.floats(0, 1),
)
@settings(max_examples=25, deadline=None)
def test_samples_come_back_to_within_quantisation(seed, n_channels, n, amplitude):
    samples = (np.random.default_rng(seed).uniform(-amplitude, amplitude, (n_channels, n))).astype(np.float32)
    with Recording.from_samples(samples, SAMPLE_RATE_HZ) as recording:
        assert recording.n_samples == n
        for channel in range(recording.n_channels):
            heard = recording.read(channel)
            assert heard.dtype == np.float32
            assert np.abs(heard - samples[channel]).max() <= 1 / 32_768


@given(n=st.integers(1, 50_000), cuts=st.lists(st.integers(0, 3_200), max_size=6))
@settings(max_examples=25, deadline=None)
def test_adjoining_spans_join_to_the_whole(n, cuts):
    with Recording.from_samples(files.babble(n / 16_000, 16_000), SAMPLE_RATE_HZ) as recording:
        edges = [0, *sorted(c for c in cuts if c < recording.duration_ms), recording.duration_ms]
        parts = [recording.read(0, Span(a, b)) for a, b in itertools.pairwise(edges)]
        assert np.array_equal(np.concatenate(parts), recording.read(0))
        assert len(recording.read(0, Span(recording.duration_ms, recording.duration_ms + 100))) == 0


@given(rate_hz=st.integers(2_000, 96_000), seconds=st.floats(0.5, 3))
@settings(max_examples=25, deadline=None)
def test_any_rate_keeps_the_length_and_the_pitch(rate_hz, seconds):
    samples = files.tones(seconds, rate_hz, n_channels=1)
    with Recording.from_samples(samples, rate_hz) as recording:
        assert abs(recording.n_samples / 16_000 - samples.shape[1] / rate_hz) < 0.001
        assert files.loudest_hz(recording.read(0)) == pytest.approx(files.TONES_HZ[0], abs=4)


def test_resampling_adds_nothing_above_what_was_there():
    with recorded(files.babble(5)[0]) as recording:
        power = np.abs(np.fft.rfft(recording.read(0))) ** 2
        above_4_khz = power[int(len(power) * 4_200 / 8_000) :].sum()
        assert above_4_khz < 1e-4 * power.sum()


def test_bad_samples_are_refused():
    for samples, rate_hz, what in [
        (np.zeros(10, np.float32), 8_000, "shape"),
        (np.zeros((9, 10), np.float32), 8_000, "9 channels"),
        (np.zeros((1, 0), np.float32), 8_000, "no sound"),
        (np.zeros((1, 10), np.float32), 0, "sample rate is 0"),
    ]:
        with pytest.raises(AudioError, match=what):
            Recording.from_samples(samples, rate_hz, name="these")


def test_a_closed_recording_cannot_be_read():
    with recorded(files.babble(1)[0]) as recording:
        pass
    with pytest.raises(ValueError, match="closed"):
        recording.read(0)


# -- for a page ----------------------------------------------------------------------------------


@given(n_samples=st.integers(1, 60_000), n_bins=st.integers(1, 300), seed=st.integers(0, 100))
@settings(max_examples=25, deadline=None)
def test_peaks_are_the_largest_sample_of_each_bin(n_samples, n_bins, seed):
    samples = np.random.default_rng(seed).uniform(-1, 1, (1, n_samples)).astype(np.float32)
    with Recording.from_samples(samples, SAMPLE_RATE_HZ) as recording:
        heard, drawn = recording.read(0), peaks(recording, 0, n_bins)
        assert drawn.shape == (n_bins,)
        assert drawn.dtype == np.float32
        assert 0 <= drawn.min() <= drawn.max() <= 1
        assert drawn.max() == np.abs(heard).max()
        bins = np.arange(n_samples) * n_bins // n_samples
        for b in np.unique(bins):
            part = heard[bins == b]
            assert drawn[b] == np.abs(part).max() >= np.sqrt(np.mean(part**2)) - 1e-6


@pytest.mark.parametrize("n_channels", [1, 2])
def test_playback_is_a_small_mp3_with_a_channel_for_each_party(tmp_path, n_channels):
    seconds = 65  # more than two blocks
    with Recording.from_samples(files.tones(seconds, 8_000, n_channels), 8_000) as recording:
        mp3 = playback(recording)
        path = tmp_path / "copy.mp3"
        path.write_bytes(mp3)
        assert len(mp3) == pytest.approx(seconds * 4_000 * n_channels, rel=0.05)
        with open_recording(path) as copy:
            assert (copy.audio.codec, copy.audio.n_channels) == ("mp3", n_channels)
            assert copy.duration_ms == recording.duration_ms
            assert copy.warnings == ()
            for channel in range(n_channels):
                said, heard = recording.read(channel), copy.read(channel)
                assert np.corrcoef(said, heard)[0, 1] > 0.99  # in its place, over every block


def test_playback_keeps_the_parties_apart(tmp_path):
    quiet = np.zeros(16_000 * 5, np.float32)
    with Recording.from_samples(np.stack([files.babble(5, 16_000)[0], quiet]), 16_000) as recording:
        path = tmp_path / "copy.mp3"
        path.write_bytes(playback(recording))
    with open_recording(path) as copy:
        assert np.abs(copy.read(1)).max() < 1e-3


def test_playback_mixes_more_than_two_parties(tmp_path):
    three = np.concatenate([files.tones(3, 8_000), files.babble(3)])
    path = tmp_path / "copy.mp3"
    with Recording.from_samples(three, 8_000) as recording:
        path.write_bytes(playback(recording))
    with open_recording(path) as copy:
        assert copy.n_channels == 1
