from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_calls import make_call, measured, utterance

from sentiment.call import Call, Channel, Estimate
from sentiment.formats.display import clock, pieces, seconds, signed, tenths, tone
from sentiment.formats.html import call_page, index_page
from sentiment.summary import Failure, summarise

NASTY = "</script><script>alert(1)</script><img src=x onerror=alert(2)> \" ' & {{ 7*7 }} </title>"


class Page(HTMLParser):
    """Tags with their attributes, the text of each kind of element, and all text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.inside: dict[str, str] = {}
        self.text = ""
        self._open = ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self._open = tag if tag in ("script", "style") else ""
        self.tags.append((tag, dict(attrs)))
        self.text += " " if tag in ("li", "td", "th", "dt", "dd", "small") else ""
        if tag == "script" and dict(attrs).get("type"):
            self._open = "data"

    def handle_endtag(self, tag):
        self._open = ""

    def handle_data(self, data):
        if self._open:
            self.inside[self._open] = self.inside.get(self._open, "") + data
        else:
            self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def words(self) -> str:
        return " ".join(self.text.split())

    @property
    def chart(self):
        return json.loads(self.inside["data"])


def read(call: Call, playback: bytes | None = None, peaks=()) -> Page:
    return Page(call_page(call, playback=playback, peaks=peaks))


# -- safe and self-contained ---------------------------------------------------------------------


def nasty_call() -> Call:
    call = make_call(call_id=NASTY)
    return replace(
        call,
        agent_id=NASTY,
        queue=NASTY,
        customer_id=NASTY,
        metadata={NASTY: NASTY},
        utterances=tuple(
            replace(u, text=NASTY, words=(), unscored=u.unscored and NASTY) for u in call.utterances
        ),
        moments=tuple(replace(m, explanation=NASTY, rule=NASTY) for m in call.moments),
        shifts=tuple(replace(s, reason=NASTY) for s in call.shifts),
        warnings=(NASTY,),
    )


def pages() -> list[str]:
    rows = [summarise(nasty_call()), summarise(make_call())]
    return [
        call_page(nasty_call(), playback=b"\xff\xfb", peaks=[[0.5], [0.5]]),
        call_page(make_call(timed=False), playback=None),
        index_page(rows, [Failure(name=NASTY, error=NASTY)]),
    ]


@pytest.mark.parametrize("source", pages(), ids=["call", "chat", "index"])
def test_only_our_own_script_and_style_are_there_and_allowed(source):
    page = Page(source)
    scripts = page.all("script")
    assert [s for s in scripts if s.get("type") != "application/json"] == [{}]
    assert len(page.all("style")) == 1
    assert not page.all("img")
    policy = next(m["content"] for m in page.all("meta") if m.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none';")
    for kind in ("script", "style"):
        digest = base64.b64encode(hashlib.sha256(page.inside[kind].encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}';" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize("source", pages(), ids=["call", "chat", "index"])
def test_nothing_outside_the_page_is_asked_for(source):
    for tag, attributes in Page(source).tags:
        assert "style" not in attributes, f"the policy blocks style attributes: {tag}"
        assert not [name for name in attributes if name.startswith("on")]
        for name in ("src", "href"):
            target = attributes.get(name)
            assert target is None or tag == "a" or target.startswith("data:")
    assert not re.search(r"url\(|@import|https?://(?!www\.w3\.org/2000/svg)", source)


def test_nasty_text_is_shown_as_it_is():
    page = read(nasty_call())
    assert page.text.count("</script><script>alert(1)</script><img src=x onerror=alert(2)>") > 20
    assert "{{ 7*7 }}" in page.text


def test_a_call_with_nan_is_refused_rather_than_drawn_wrong():
    call = make_call()
    broken = replace(call.utterances[1], score=replace(call.utterances[1].score, polarity=math.nan))
    with pytest.raises(ValueError, match="JSON"):
        call_page(replace(call, utterances=(call.utterances[0], broken, *call.utterances[2:])), playback=None)


# -- what the page says --------------------------------------------------------------------------


def test_the_recording_stands_in_the_page():
    page = read(make_call(), playback=b"ID3 some sound")
    (audio,) = page.all("audio")
    assert base64.b64decode(audio["src"].removeprefix("data:audio/mpeg;base64,")) == b"ID3 some sound"


@pytest.mark.parametrize("call", [make_call(), make_call(timed=False)], ids=["call", "chat"])
def test_without_a_recording_there_is_no_player(call):
    page = read(call)
    assert not page.all("audio")
    assert "data-speed" not in str(page.tags)


def test_the_gist_names_start_end_and_lowest():
    text = read(make_call()).words
    # the same numbers as at the first shift and at the last, and in the sentence under the title
    assert "The customer’s words: neutral 0.00 → positive +0.65, lowest −0.90 at 0:05" in text
    assert "mood turns worse: 0.00 → −0.73" in text
    assert "mood turns better: −0.73 → +0.65" in text
    assert "The customer started neutral, fell" in text
    assert "2 shifts, 2 flagged moments." in text


def test_the_sentence_stands_under_the_title():
    text = read(make_call()).words
    assert text.index("call-1") < text.index(
        "dip and recovery The customer started neutral, fell at 0:03 right"
    )
    assert "and ended grateful." in text


def test_without_a_name_there_is_no_sentence_and_without_a_shape_the_overview_has_none():
    unnamed = make_call()
    unnamed = measured(replace(unnamed, utterances=unnamed.utterances[:3], shifts=(), moments=()))
    assert 'class="story"' not in call_page(unnamed, playback=None)
    earlier = replace(
        unnamed, characteristics=None, uncharacterised=None, shape=None
    )  # of an earlier version
    assert "Talk time" not in call_page(earlier, playback=None)


def test_the_table_of_the_conversation():
    text = read(make_call()).words
    # Each speaks for .9 s six times; but the words of one utterance are known to take .1 s.
    assert "Agent Customer Talk time 5.4 s 54 % 4.6 s 46 % Words a minute 333 417" in text
    assert 'title="words over talk time; pauses of more than a second are not talk time"' in call_page(
        make_call(), playback=None
    )
    assert "Interrupts 0 0" in text
    assert "Quarter 4 +1.5 +3.2" in text
    assert "Nobody speaks for 2.4 s of 0:12." in text


def test_a_place_in_the_table_seeks():
    call = make_call()
    late = tuple(
        replace(u, start_ms=u.start_ms + 20_000, end_ms=u.end_ms + 20_000) for u in call.utterances[6:]
    )
    page = read(measured(replace(call, utterances=(*call.utterances[:6], *late))))
    assert "Dead air, unannounced: 20.1 s at 0:06." in page.words
    assert "6400" in {button.get("data-ms") for button in page.all("button")}


def test_a_chat_says_why_it_has_no_talk_times():
    text = read(make_call(timed=False)).words
    assert "No talk times: no utterance takes time, as in a text conversation." in text
    assert "Quarter 1" in text


def test_moments_come_most_severe_first_and_seek():
    page = read(make_call())
    cards = [b for b in page.all("button") if b.get("class") == "card moment"]
    assert [(c["data-ms"], c["data-utterance"]) for c in cards] == [("5500", "5"), ("3500", "3")]
    assert page.words.index("wants to cancel") < page.words.index("for the third time")


def test_each_shift_quotes_its_trigger():
    text = read(make_call()).words
    assert "Customer’s mood turns worse: 0.00 → −0.73" in text
    assert "after 0:02 I am sorry, let me look. the agent had to look it up" in text


def test_every_utterance_is_a_line_with_its_score_or_why_not():
    page = read(make_call())
    assert len([li for li in page.all("li") if (li.get("class") or "").startswith("line ")]) == 12
    assert "not scored: too short to judge" in page.words
    titles = [s["title"] for s in page.all("summary") if "title" in s]
    assert len(titles) == 11
    assert titles[3] == "negative 80 %, neutral 20 %, positive 0 %"


def test_filters_count_what_they_leave():
    text = read(make_call()).words
    for wanted in ("All 12", "Customer 6", "Agent 6", "Negative 2", "Flagged 2"):
        assert wanted in text


def test_unclear_speech_is_marked_down_to_the_word():
    page = read(make_call())
    assert page.words.count("unclear speech") == 1
    assert [s["title"] for s in page.all("span") if s.get("class") == "doubt"] == [
        "recognised with probability 0.20"
    ]


def test_words_are_only_marked_if_they_are_those_of_the_text():
    said = make_call().utterances[1]
    assert pieces(said) == [("Hi, my line is", None), ("dead", 0.2), ("again.", None)]
    redacted = replace(said, text="Hi, [PII].")
    assert pieces(redacted) == [("Hi, [PII].", None)]


def test_warnings_roles_and_provenance_are_shown():
    call = make_call()
    call = replace(call, channels=(replace(call.channels[0], confidence=0.55), call.channels[1]))
    text = read(call).words
    assert "The recording ends abruptly." in text
    assert "Agent inferred, 55 % sure · en please check" in text
    assert "Customer given" in text
    assert "test-scorer" in text
    assert '"least": 3' in text
    assert "SHA-256" in text


def test_estimates_say_their_interval_or_why_there_is_none():
    known = Estimate(instrument="csat", expected=2.14, low=1.2, high=3.4, p_top_box=0.1)
    unknown = Estimate(
        instrument="nps", expected=None, low=None, high=None, p_top_box=None, abstained="too few utterances"
    )
    text = read(replace(make_call(), estimates=(known, unknown))).words
    assert "Estimated CSAT 2.1 (1.2 to 3.4)" in text
    assert "NPS: none, since too few utterances" in text


def test_speakers_of_unknown_role_are_numbered_and_nobody_is_called_the_customer():
    call = make_call()
    call = replace(
        call,
        channels=tuple(Channel(index=i, role="unknown", source="inferred", confidence=0.5) for i in (0, 1)),
        utterances=tuple(replace(u, role="unknown") for u in call.utterances),
        shifts=(),
    )
    page = read(measured(call))
    assert [p["name"] for p in page.chart["parties"]] == ["Speaker 1", "Speaker 2"]
    assert "No voice of this conversation is known to be the customer" in page.words


def test_a_call_in_which_nobody_speaks():
    page = read(Call(id="silence", duration_ms=5000), playback=b"x")
    assert "Nobody says anything." in page.words
    assert page.chart["length"] == 5000


# -- the chart's data ----------------------------------------------------------------------------


def test_the_chart_of_a_call_is_over_time():
    chart = read(make_call(), peaks=[[0.1, 0.2], [0.3, 0.4]]).chart
    assert (chart["timed"], chart["length"]) == (True, 13_000)
    assert [p["style"] for p in chart["parties"]] == ["agent", "customer"]
    fourth = chart["utterances"][3]
    assert (fourth["party"], fourth["start"], fourth["end"], fourth["polarity"]) == (1, 3500, 4400, -0.8)
    assert chart["utterances"][6]["polarity"] is None
    assert [m["rank"] for m in chart["moments"]] == [1, 2]
    assert [s["direction"] for s in chart["shifts"]] == ["worse", "better"]
    assert chart["peaks"] == [{"party": 0, "values": [0.1, 0.2]}, {"party": 1, "values": [0.3, 0.4]}]


def test_the_one_channel_of_a_mono_recording_belongs_to_nobody():
    assert read(make_call(), peaks=[[0.1]]).chart["peaks"] == [{"party": None, "values": [0.1]}]


def test_the_chart_of_a_chat_is_over_utterances():
    chart = read(make_call(timed=False)).chart
    assert (chart["timed"], chart["length"]) == (False, 12)


# -- the overview --------------------------------------------------------------------------------


def test_the_overview_lists_worst_first_and_links():
    calm = replace(make_call(call_id="calm"), moments=())
    page = Page(index_page([summarise(calm), summarise(make_call(call_id="a/b c#1"))], []))
    assert [a["href"] for a in page.all("a")] == ["a%252Fb%20c%231.html", "calm.html"]
    assert "failed" not in page.text


def test_no_failure_is_hidden():
    failures = [
        Failure(name="x.wav", error="x.wav: no sound; export it again"),
        Failure(name="y.wav", error="out of disk"),
    ]
    page = Page(index_page([summarise(make_call())], failures))
    assert "2 failed" in page.text
    assert "x.wav: no sound; export it again y.wav out of disk" in page.words
    alone = Page(index_page([], failures)).words
    assert "0 calls" in alone
    assert "out of disk" in alone


def test_an_unscored_call_says_so_in_the_overview():
    call = replace(make_call(), utterances=(utterance(1, "Hm.", None),), shifts=(), moments=())
    assert "not scored" in Page(index_page([summarise(measured(call))], [])).words


# -- how values are written ----------------------------------------------------------------------


@given(st.floats(-1, 1))
def test_signed_reads_back_and_zero_has_no_sign(value):
    text = signed(value)
    assert "-" not in text
    assert float(text.replace("−", "-")) == pytest.approx(value, abs=0.00501)
    assert text == "0.00" or text[0] == ("+" if value > 0 else "−")


@given(st.integers(0, 10**9))
def test_clock_reads_back(ms):
    seconds = 0
    for part in clock(ms).split(":"):
        seconds = seconds * 60 + int(part)
    assert seconds == ms // 1000


@given(st.floats(-1, 1))
def test_tone_is_symmetric_about_zero(value):
    swap = str.maketrans("np", "pn")
    assert tone(-value) == tone(value).translate(swap)


def test_tone_ends():
    assert [tone(v) for v in (-1, -0.6, 0.0, 0.3, 1)] == ["n4", "n2", "z", "p1", "p4"]


@given(st.floats(-5, 5))
def test_tenths_read_back_and_zero_has_no_sign(value):
    written = tenths(value)
    assert float(written.replace("−", "-")) == pytest.approx(value, abs=0.0501)
    assert written == "0.0" or written[0] in "+−"


def test_lengths_of_time():
    assert [seconds(ms) for ms in (0, 660, 59_900, 60_000, 3_600_000)] == [
        "0.0 s", "0.7 s", "59.9 s", "1:00", "1:00:00",
    ]  # fmt: skip
