"""Values survive JSON unchanged, the schema describes them, and malformed JSON is refused by name."""

import dataclasses
import json
import typing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from importlib.resources import files

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment import call as domain
from sentiment import measures, timeline
from sentiment.call import Call, from_json, to_json
from sentiment.errors import ConversationError
from sentiment.strict_json import MAY_BE_MISSING, decode

SCHEMA = json.loads(files("sentiment").joinpath("call.schema.json").read_text("utf-8"))

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
unit = st.floats(0, 1)
polarity = st.floats(-1, 1)
index = st.integers(0, 9_999)
role = st.sampled_from(domain.ROLES)
GIANT = int("9" * 400)
free = st.dictionaries(
    text, st.none() | st.booleans() | st.integers() | text | st.lists(text, max_size=2), max_size=2
)


def maybe(strategy):
    return st.none() | strategy


def some(strategy):
    return st.lists(strategy, max_size=2).map(tuple)


times = st.datetimes(
    min_value=datetime(1990, 1, 1),
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30))]),
)
word = st.builds(domain.Word, text=text, start_ms=index, end_ms=index, probability=unit)
prosody = st.builds(
    domain.Prosody,
    arousal=maybe(unit),
    cues=st.dictionaries(text, st.floats(-3, 3), max_size=2),
    text_intensity=unit,
    unmeasured=maybe(text),
)
score = st.builds(
    domain.Score,
    polarity=polarity,
    intensity=unit,
    p_negative=unit,
    p_neutral=unit,
    p_positive=unit,
    emotions=st.dictionaries(text, unit, max_size=2),
    model=text,
    voice=maybe(prosody),
)
utterance = st.builds(
    domain.Utterance,
    index=index,
    channel=index,
    role=role,
    start_ms=maybe(index),
    end_ms=maybe(index),
    text=text,
    words=some(word),
    confidence=maybe(unit),
    language=maybe(text),
    score=maybe(score),
    unscored=maybe(text),
)
shift = st.builds(
    domain.Shift,
    at_ms=maybe(index),
    utterance_index=index,
    role=role,
    before=polarity,
    after=polarity,
    confidence=unit,
    trigger_index=maybe(index),
    reason=text,
)
evidence = st.builds(
    domain.Evidence, utterances=some(index), numbers=st.dictionaries(text, st.floats(-1e6, 1e6), max_size=2)
)
moment = st.builds(
    domain.Moment,
    rule=text,
    start_ms=maybe(index),
    end_ms=maybe(index),
    severity=unit,
    evidence=evidence,
    explanation=text,
)
channel = st.builds(
    domain.Channel,
    index=index,
    role=role,
    confidence=unit,
    language=maybe(text),
    language_probability=maybe(unit),
)
number = maybe(st.floats(0, 10))
reason = st.builds(
    domain.Reason, feature=text, effect=st.floats(-10, 10), explanation=text, utterances=st.just(())
)
estimate = st.builds(
    domain.Estimate,
    expected=number,
    low=number,
    high=number,
    p_top_box=maybe(unit),
    distribution=some(unit),
    reasons=some(reason),
)
audio = st.builds(
    domain.Audio, name=text, sample_rate_hz=st.integers(1, 192_000), n_channels=st.integers(1, 8)
)
provenance = st.builds(domain.Provenance, version=text, settings=free)


def by_participant(strategy):
    return st.dictionaries(st.sampled_from(["agent", "customer", "unknown_1"]), strategy, max_size=2)


span = st.builds(timeline.Span, index, index)
occurrences = st.builds(measures.Occurrences, total_time_ms=index, instances=some(span))
interruption = st.builds(
    measures.Interruption,
    interrupter=role,
    utterance_index=index,
    interrupted_index=index,
    start_ms=index,
    end_ms=index,
)
latency = st.builds(measures.ParticipantLatency, count=st.integers(1, 9), median_ms=index, longest_ms=index)
speed = st.builds(
    measures.ParticipantSpeed,
    average_words_per_minute=maybe(st.floats(0, 500)),
    words=index,
    talk_time_ms=index,
)
characteristics = st.builds(
    measures.Characteristics,
    total_conversation_duration_ms=index,
    speech_time_ms=index,
    silence_time_ms=index,
    talk_time=st.builds(
        measures.TalkTime,
        total_time_ms=index,
        details_by_participant=by_participant(st.builds(measures.ParticipantTime, total_time_ms=index)),
    ),
    non_talk_time=occurrences,
    dead_air=occurrences,
    overtalk=occurrences,
    interruptions=st.builds(
        measures.Interruptions,
        total_count=index,
        total_time_ms=index,
        interruptions_by_interrupter=by_participant(some(interruption)),
    ),
    talk_speed=st.builds(measures.TalkSpeed, details_by_participant=by_participant(speed)),
    response_latency=st.builds(measures.ResponseLatency, details_by_participant=by_participant(latency)),
    note=maybe(text),
)
quarter = st.builds(
    measures.Quarter, start_ms=maybe(index), end_ms=maybe(index), utterances=index, mean=maybe(polarity)
)
trajectory = st.builds(
    measures.Trajectory,
    utterances=st.integers(1, 99),
    start=polarity,
    end=polarity,
    mean=polarity,
    slope_per_minute=maybe(st.floats(-9, 9)),
    slope_per_utterance=maybe(st.floats(-2, 2)),
    lowest=polarity,
    lowest_index=index,
    lowest_at_ms=maybe(index),
    recovery=maybe(unit),
    volatility=maybe(st.floats(0, 2)),
    quarters=st.tuples(quarter, quarter, quarter, quarter),
)
shape = st.builds(
    measures.Shape,
    name=maybe(st.sampled_from(typing.get_args(measures.ShapeName))),
    unnamed=maybe(text),
    sentence=text,
    by_participant=by_participant(trajectory),
)


def consistent(call):
    """The same call with every index led back to an utterance or channel there is."""
    n_channels, n_utterances = len(call.channels), len(call.utterances)

    def known(indices):
        return tuple(i % n_utterances for i in indices) if n_utterances else ()

    def led_back(shift):
        trigger = None if shift.trigger_index is None else shift.trigger_index % n_utterances
        return replace(shift, utterance_index=shift.utterance_index % n_utterances, trigger_index=trigger)

    def measured():
        found, course = call.characteristics, call.shape
        if found is not None:
            kept = {
                who: tuple(
                    replace(i, utterance_index=i.utterance_index % n_utterances, interrupted_index=0)
                    for i in each
                )
                if n_utterances
                else ()
                for who, each in found.interruptions.interruptions_by_interrupter.items()
            }
            found = replace(
                found, interruptions=replace(found.interruptions, interruptions_by_interrupter=kept)
            )
        if course is not None:
            kept = {
                who: replace(each, lowest_index=each.lowest_index % n_utterances)
                for who, each in course.by_participant.items()
                if n_utterances
            }
            course = replace(course, by_participant=kept)
        return {"characteristics": found, "shape": course}

    return replace(
        call,
        **measured(),
        channels=tuple(replace(c, index=i) for i, c in enumerate(call.channels)),
        utterances=tuple(
            replace(u, index=i, channel=u.channel % n_channels if n_channels else u.channel)
            for i, u in enumerate(call.utterances)
        ),
        shifts=tuple(led_back(s) for s in call.shifts) if n_utterances else (),
        moments=tuple(
            replace(m, evidence=replace(m.evidence, utterances=known(m.evidence.utterances)))
            for m in call.moments
        ),
    )


calls = st.builds(
    Call,
    id=text.filter(bool),
    duration_ms=maybe(index),
    started_at=maybe(times),
    metadata=free,
    audio=maybe(audio),
    channels=some(channel),
    utterances=some(utterance),
    shifts=some(shift),
    moments=some(moment),
    estimates=some(estimate),
    warnings=some(text),
    provenance=maybe(provenance),
    characteristics=maybe(characteristics),
    uncharacterised=maybe(text),
    shape=maybe(shape),
).map(consistent)


@settings(max_examples=60, deadline=None)
@given(calls)
def test_json_round_trip_is_exact_and_matches_the_schema(call):
    written = to_json(call)
    assert from_json(written) == call
    jsonschema.validate(json.loads(written), SCHEMA)


def test_the_schema_has_exactly_the_fields_of_the_values():
    for name, definition in SCHEMA["$defs"].items():
        if not name[0].isupper():
            continue
        kind = next(getattr(m, name) for m in (domain, measures, timeline) if hasattr(m, name))
        if name == "Span":
            fields, later = set(kind._fields), set()
        else:
            fields = {f.name for f in dataclasses.fields(kind)} | ({"schema"} if name == "Call" else set())
            later = {f.name for f in dataclasses.fields(kind) if f.metadata == MAY_BE_MISSING}
        assert set(definition["properties"]) == fields, name
        assert set(definition["required"]) == fields - later, name


def test_a_file_written_by_an_earlier_version_is_still_read():
    score = domain.Score(
        polarity=-0.5, intensity=0.5, p_negative=0.5, p_neutral=0.5, p_positive=0.0, emotions={}, model="m"
    )
    said = domain.Utterance(
        index=0, channel=0, role="customer", start_ms=0, end_ms=1, text="No.", score=score
    )
    call = Call(id="a", duration_ms=1, utterances=(said,))
    body = json.loads(to_json(call))
    assert body["utterances"][0]["score"].pop("voice") is None
    assert [body.pop(name) for name in ("characteristics", "uncharacterised", "shape")] == [None] * 3
    assert from_json(json.dumps(body)) == call
    jsonschema.validate(body, SCHEMA)
    del body["utterances"][0]["score"]["truncated"]
    with pytest.raises(ConversationError, match="truncated"):
        from_json(json.dumps(body))


def test_what_is_measured_refers_to_utterances_there_are():
    said = domain.Utterance(index=0, channel=0, role="customer", start_ms=0, end_ms=1, text="No.")
    cut = measures.Interruption(
        interrupter="agent", utterance_index=0, interrupted_index=7, start_ms=0, end_ms=1
    )
    none = measures.Occurrences(total_time_ms=0, instances=())
    found = measures.Characteristics(
        total_conversation_duration_ms=1,
        speech_time_ms=1,
        silence_time_ms=0,
        talk_time=measures.TalkTime(total_time_ms=1, details_by_participant={}),
        non_talk_time=none,
        dead_air=none,
        overtalk=none,
        interruptions=measures.Interruptions(
            total_count=1, total_time_ms=1, interruptions_by_interrupter={"agent": (cut,)}
        ),
        talk_speed=measures.TalkSpeed(details_by_participant={}),
        response_latency=measures.ResponseLatency(details_by_participant={}),
    )
    with pytest.raises(ConversationError, match=r"interrupter\.agent\[0\]\.interrupted_index .* not 7"):
        from_json(to_json(Call(id="a", duration_ms=1, utterances=(said,), characteristics=found)))


def test_metadata_keeps_its_types():
    call = Call(id="a", duration_ms=1, metadata={"n": 1, "x": [1.5, None, {"deep": True}]})
    assert from_json(to_json(call)).metadata == call.metadata


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"schema": "conversation-sentiment/call/99"}, "call/99"),
        ({"id": 5}, "call.id"),
        ({"duration_ms": 1.5}, "call.duration_ms"),
        ({"duration_ms": True}, "call.duration_ms"),
        ({"started_at": "yesterday"}, "call.started_at"),
        ({"surprise": 1}, "surprise"),
        ({"utterances": {}}, "call.utterances"),
        ({"utterances": [{"index": 0}]}, r"call.utterances\[0\]"),
        ({"channels": [{"index": 0, "role": "boss"}]}, r"call.channels\[0\]"),
    ],
)
def test_malformed_json_is_refused_by_name(change, named):
    body = json.loads(to_json(Call(id="a", duration_ms=1)))
    with pytest.raises(ConversationError, match=named):
        from_json(json.dumps(body | change))


def test_a_missing_field_and_broken_json_are_refused():
    body = json.loads(to_json(Call(id="a", duration_ms=1)))
    del body["queue"]
    with pytest.raises(ConversationError, match="queue"):
        from_json(json.dumps(body))
    with pytest.raises(ConversationError, match="not valid JSON"):
        from_json("{")


def test_a_number_that_is_not_finite_is_never_written():
    with pytest.raises(ValueError, match="JSON compliant"):
        to_json(Call(id="a", duration_ms=1, metadata={"x": float("nan")}))


def test_direction_and_magnitude_of_a_shift():
    down = domain.Shift(
        at_ms=0,
        utterance_index=0,
        role="customer",
        before=0.5,
        after=-0.25,
        confidence=1,
        trigger_index=None,
        reason="",
    )
    assert (down.direction, down.magnitude) == ("worse", 0.75)


def whole_call():
    """The JSON of a call in which everything that can refer to something does."""
    made = Call(
        id="a",
        duration_ms=9,
        channels=(domain.Channel(index=0, role="agent", source="given", confidence=1.0),),
        utterances=tuple(
            domain.Utterance(index=i, channel=0, role="agent", start_ms=i, end_ms=i, text="Hi")
            for i in range(2)
        ),
        shifts=(
            domain.Shift(
                at_ms=1,
                utterance_index=1,
                role="agent",
                before=0.0,
                after=1.0,
                confidence=1.0,
                trigger_index=0,
                reason="",
            ),
        ),
        moments=(
            domain.Moment(
                rule="r",
                start_ms=0,
                end_ms=1,
                severity=0.5,
                evidence=domain.Evidence(utterances=(0, 1)),
                explanation="",
            ),
        ),
    )
    assert from_json(to_json(made)) == made
    return json.loads(to_json(made))


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        (("utterances", 1, "index"), 0, r"utterances\[1\]\.index must be 1, not 0"),
        (("utterances", 0, "channel"), 1, r"utterances\[0\]\.channel"),
        (("utterances", 0, "channel"), -1, r"utterances\[0\]\.channel"),
        (("channels", 0, "index"), 1, r"channels\[0\]\.index must be 0"),
        (("shifts", 0, "utterance_index"), 2, r"shifts\[0\]\.utterance_index"),
        (("shifts", 0, "trigger_index"), -1, r"shifts\[0\]\.trigger_index"),
        (("moments", 0, "evidence", "utterances", 1), 2, r"moments\[0\]\.evidence\.utterances\[1\]"),
        (("moments", 0, "severity"), GIANT, r"moments\[0\]\.severity must be a number within"),
        (("duration_ms",), -GIANT, r"call\.duration_ms must be a number within"),
    ],
)
def test_an_index_that_leads_nowhere_or_a_giant_number_is_refused(path, value, named):
    body = place = whole_call()
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(ConversationError, match=named):
        from_json(json.dumps(body))


@pytest.mark.parametrize("levels", [200, 100_000])
def test_json_nested_too_deeply_to_be_written_again_is_refused(levels):
    deep = to_json(Call(id="a", duration_ms=1, metadata={"x": "DEEP"}))
    with pytest.raises(ConversationError, match="nested more than 100 levels"):
        from_json(deep.replace('"DEEP"', "[" * levels + "]" * levels))


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999"])
def test_a_number_that_could_not_be_written_again_is_not_read(number):
    text = to_json(Call(id="a", duration_ms=1, metadata={"x": "N"})).replace('"N"', number)
    with pytest.raises(ConversationError, match=f"{number} is not a number JSON can hold"):
        from_json(text)


def test_half_a_surrogate_pair_is_replaced():
    text = to_json(Call(id="a", duration_ms=1, metadata={"KEY": ["HALF"]}))
    found = from_json(text.replace("HALF", r"x\ud83d").replace("KEY", r"\ude00"))
    assert found.metadata == {"\ufffd": ["x\ufffd"]}


@dataclass(frozen=True, kw_only=True, slots=True)
class Even:
    number: int

    def __post_init__(self) -> None:
        if self.number % 2:
            raise ValueError("odd")


def test_a_value_that_checks_itself_still_does_when_it_is_read():
    assert decode(Even, {"number": 2}, "it") == Even(number=2)
    with pytest.raises(ValueError, match="odd"):
        decode(Even, {"number": 3}, "it")
