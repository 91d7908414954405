"""Who spoke: words become voices, each with a role and how sure that role is.

A recording with a channel per party needs no more than to know which party is which: roles are
taken as given, or worked out from what is said. In a mono recording the two parties are first told
apart (:mod:`sentiment.speech.diarization`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sentiment.call import ROLES, Channel, Model, Role, RoleSource, Word
from sentiment.errors import ChannelMapError
from sentiment.speech import diarization
from sentiment.speech.diarization import Party
from sentiment.speech.roles import LANGUAGE, RoleModel, load_role_model, probability_first_is_agent
from sentiment.speech.turn_taking import TurnModel, load_turn_model
from sentiment.weights import verify, weights_dir

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sentiment.audio import Recording
    from sentiment.speech.activity import ActivityOptions
    from sentiment.speech.transcriber import Transcript
    from sentiment.timeline import Span

__all__ = ["Voice", "check_roles", "identify", "models_used"]

OTHER: Mapping[Role, Role] = {"agent": "customer", "customer": "agent"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Voice:
    """One party of the call, its words in order of time, and the disjoint spans in which it speaks."""

    channel: Channel
    words: tuple[Word, ...]
    speech: tuple[Span, ...] = ()


def identify(
    recording: Recording,
    transcripts: Sequence[Transcript],
    speech: Sequence[Sequence[Span]],
    *,
    roles: Mapping[int, Role] | None = None,
    source: RoleSource = "given",
    activity: ActivityOptions | None = None,
) -> tuple[Voice, ...]:
    """The voices of a recording.

    With several channels, each channel is a voice. With one, one or two voices are found in it,
    the agent first; if its role is given it is one voice.

    Args:
        recording: what was listened to.
        transcripts: one per audio channel.
        speech: the spans with speech, one sequence per audio channel.
        roles: channel index to role, taken at its word (two agents are fine: an internal call). Of
            two channels one may be left out: it is the other party. It is not used for a file whose
            channels all hold the same sound.
        source: where ``roles`` comes from.
        activity: how ``speech`` was detected, and each voice's in a mono recording will be.

    Raises:
        ChannelMapError: a role for a channel there is not, no such role, or more than two channels
            of which not all have a role.
        CorruptModelError: a model's weights are missing or damaged.
    """
    roles = check_roles(roles or {}, recording)
    if len(transcripts) > 1 or roles:
        return _by_channel(transcripts, speech, roles, source)
    return _by_voice(recording, transcripts[0], speech[0], activity)


def models_used(recording: Recording, voices: Sequence[Voice]) -> tuple[Model, ...]:
    """The models :func:`identify` took part with, for a call's provenance."""
    used = []
    if recording.n_channels == 1 and any(voice.words for voice in voices):
        used.append(("speakers", "speaker"))
    if any(voice.channel.source == "inferred" and voice.words for voice in voices):
        used.append(("roles", "roles"))
    return tuple(Model(task=task, name=name, revision=verify(weights_dir(name))[:12]) for task, name in used)


def check_roles(roles: Mapping[int, Role], recording: Recording) -> Mapping[int, Role]:
    """The roles that apply to a recording.

    Raises:
        ChannelMapError: as :func:`identify`.
    """
    name, n_channels = recording.audio.name, recording.n_channels
    n_in_file = max(recording.audio.n_channels, n_channels)
    for channel, role in roles.items():
        if not 0 <= channel < n_in_file:
            raise ChannelMapError(
                f"{name}: a role is given for channel {channel}, but its channels are "
                f"{_listed(range(n_in_file))}; correct the channel map"
            )
        if role not in ROLES:
            raise ChannelMapError(
                f"{name}: channel {channel} cannot be {role!r}; a role is one of {', '.join(ROLES)}"
            )
    missing = [c for c in range(n_channels) if c not in roles]
    if n_channels > 2 and missing:
        raise ChannelMapError(
            f"{name}: {n_channels} channels, and no role for {_listed(missing)}; "
            "give each one's with --channels"
        )
    if n_channels == 1 and n_in_file > 1:
        # The same sound on every channel: a map of channels to parties says nothing about it.
        return {}
    return roles


def _by_channel(
    transcripts: Sequence[Transcript],
    speech: Sequence[Sequence[Span]],
    given: Mapping[int, Role],
    source: RoleSource,
) -> tuple[Voice, ...]:
    """A voice per channel."""
    roles: dict[int, tuple[Role, RoleSource, float]] = {c: (role, source, 1.0) for c, role in given.items()}
    missing = [c for c in range(len(transcripts)) if c not in roles]
    if len(missing) == 1:
        roles[missing[0]] = _left_over(transcripts[missing[0]], next(iter(given.values())))
    elif missing:
        first, second = (t.words for t in transcripts)
        p_first = probability_first_is_agent(first, second, _wording(*transcripts))
        roles |= dict(enumerate(_two_roles(p_first)))
    return tuple(
        _voice(c, Party(transcript.words, tuple(speech[c])), transcript, *roles[c])
        for c, transcript in enumerate(transcripts)
    )


def _left_over(transcript: Transcript, other: Role) -> tuple[Role, RoleSource, float]:
    """The role of the channel beside one whose role is given: the other party, if that is one."""
    if other in OTHER:
        return OTHER[other], "inferred", 1.0
    return _two_roles(probability_first_is_agent(transcript.words, (), _wording(transcript)))[0]


def _two_roles(
    p_first: float | None,
) -> tuple[tuple[Role, RoleSource, float], tuple[Role, RoleSource, float]]:
    """The more probable of the two ways to call the parties, given that the first is the agent's."""
    if p_first is None:
        return ("unknown", "inferred", 0.0), ("unknown", "inferred", 0.0)
    if p_first >= 0.5:
        return ("agent", "inferred", p_first), ("customer", "inferred", p_first)
    return ("customer", "inferred", 1 - p_first), ("agent", "inferred", 1 - p_first)


def _by_voice(
    recording: Recording, transcript: Transcript, speech: Sequence[Span], activity: ActivityOptions | None
) -> tuple[Voice, ...]:
    """One or two voices in one channel."""
    if not transcript.words:
        return (_voice(0, Party((), tuple(speech)), transcript, "unknown", "inferred", 0.0),)
    wording, turns = _wording(transcript), _turns(transcript)
    parties = diarization.tell_apart(recording, transcript.words, speech, wording, turns, activity=activity)
    if len(parties) == 1:
        p_agent = probability_first_is_agent(parties[0].words, (), wording)
        return (_voice(0, parties[0], transcript, *_two_roles(p_agent)[0]),)
    first, second = parties
    p_first = probability_first_is_agent(first.words, second.words, wording)
    voices = zip(parties, _two_roles(p_first), strict=True)
    agent_first = sorted(voices, key=lambda voice: voice[1][0] != "agent")
    return tuple(_voice(i, party, transcript, *role) for i, (party, role) in enumerate(agent_first))


def _wording(*transcripts: Transcript) -> RoleModel | None:
    """The wording model, unless what was said is in a language it does not know."""
    return load_role_model() if _known(*transcripts) else None


def _turns(transcript: Transcript) -> TurnModel | None:
    """The turn-taking model, likewise."""
    return load_turn_model() if _known(transcript) else None


def _known(*transcripts: Transcript) -> bool:
    return all(not t.words or t.language in (LANGUAGE, None) for t in transcripts)


def _voice(
    index: int,
    party: Party,
    transcript: Transcript,
    role: Role,
    source: RoleSource,
    confidence: float,
) -> Voice:
    return Voice(
        channel=Channel(
            index=index,
            role=role,
            source=source,
            confidence=round(confidence, 4),
            language=transcript.language,
            language_probability=transcript.language_probability,
        ),
        words=party.words,
        speech=party.speech,
    )


def _listed(channels: Sequence[int]) -> str:
    return ", ".join(map(str, channels))
