"""The only conductor: a recording or a text conversation becomes a scored call.

    transcribe: recording -> speech spans -> words -> voices -> utterances
    score:      utterances -> scores -> voice -> characteristics, shifts -> shape -> estimates -> moments

Each step takes a :class:`~sentiment.call.Call` and returns a new one.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Protocol, TypeVar

import sentiment
from sentiment.affect.prosody import VoiceOptions, hear, recall
from sentiment.audio import Recording, open_recording
from sentiment.call import JSON, Call, Estimate, Model, Provenance, Role, RoleSource, Score, Utterance
from sentiment.characteristics import CharacteristicsOptions, characterise, uncharacterised
from sentiment.formats.sidecar import Sidecar, read_sidecar
from sentiment.moments import reflag
from sentiment.phrases import clock
from sentiment.rules.reader import default_rules
from sentiment.shape import ShapeOptions, call_shape
from sentiment.shifts import ShiftOptions, find_shifts
from sentiment.speech.activity import ACTIVITY_MODEL, ActivityOptions, speech_spans
from sentiment.speech.speakers import Voice, check_roles, identify, models_used
from sentiment.speech.transcriber import Transcriber, TranscriberOptions, load_transcriber
from sentiment.speech.turns import TurnOptions, utterances
from sentiment.timeline import Span, union

if TYPE_CHECKING:
    from sentiment.affect.text import TextScorer
    from sentiment.rules.values import Rules

__all__ = ["Analyser", "Estimator", "Progress", "Scorer", "load"]

T = TypeVar("T")

Progress = Callable[[str, float], None]
"""Called with the stage that begins (``transcribing`` ...) and how far the call is, in [0, 1]."""


class Scorer(Protocol):
    """What turns text into scores; :class:`sentiment.affect.text.TextScorer` is the real one."""

    model: Model
    languages: Collection[str]

    def scorable(self, text: str) -> str | None:
        """Why the text cannot be scored, or ``None`` if it can."""

    def score(self, utterances: Sequence[Utterance]) -> tuple[Score, ...]:
        """A score for each utterance, read in the context of those before it."""


class Estimator(Protocol):
    """What estimates survey answers: :class:`sentiment.satisfaction.estimate.Satisfaction`."""

    model: Model

    def estimate(self, call: Call) -> tuple[Estimate, ...]:
        """An estimate, or the reason for having none, for each instrument."""


@dataclass(frozen=True, kw_only=True)
class Analyser:
    """Turns calls into scored calls. Make one with :func:`load` and keep it: it holds the models.

    ``transcriber`` and ``scorer`` give their model when first called, so that a model is loaded only
    when it is needed, and once; so does ``estimator``, without which nothing is estimated. ``settings`` says
    how the transcriber was made; it goes into the provenance of what is transcribed.
    """

    transcriber: Callable[[], Transcriber]
    scorer: Callable[[], Scorer]
    estimator: Callable[[], Estimator] | None = None
    activity: ActivityOptions = field(default_factory=ActivityOptions)
    turns: TurnOptions = field(default_factory=TurnOptions)
    shifts: ShiftOptions = field(default_factory=ShiftOptions)
    rules: Rules = field(default_factory=default_rules)
    characteristics: CharacteristicsOptions = field(default_factory=CharacteristicsOptions)
    shape: ShapeOptions = field(default_factory=ShapeOptions)
    voice: VoiceOptions = field(default_factory=VoiceOptions)
    settings: Mapping[str, JSON] = field(default_factory=dict)

    def analyze(
        self,
        path: str | Path,
        *,
        roles: Mapping[int, Role] | None = None,
        progress: Progress | None = None,
    ) -> Call:
        """Score the recording at ``path``, with the facts of the sidecar file beside it, if there is one.

        Args:
            path: an audio file.
            roles: who is on which channel, ``{0: "agent", 1: "customer"}``; goes before the sidecar's.
            progress: told of each stage.

        Raises:
            InputError: the recording, its sidecar or the channel map cannot be used.
            ModelError: a model is missing or corrupt.
            OutputError: no room to unpack the audio.
        """
        about = read_sidecar(Path(path))
        with open_recording(path) as recording:
            call = self.transcribe(recording, about=about, roles=roles, progress=progress)
            return self.score(call, recording=recording, progress=progress)

    def transcribe(
        self,
        recording: Recording,
        *,
        about: Sidecar | None = None,
        roles: Mapping[int, Role] | None = None,
        language: str | None = None,
        progress: Progress | None = None,
    ) -> Call:
        """What was said and by whom, not scored yet. Arguments and errors as :meth:`analyze`.

        ``language`` (ISO 639-1) is listened for if not given.

        Raises:
            UnknownModelError: the model does not know the language.
        """
        tell, about = progress or _quiet, about or Sidecar()
        source: RoleSource = "sidecar" if roles is None else "given"
        roles = about.roles if roles is None else roles
        check_roles(roles or {}, recording)
        transcriber = self.transcriber()
        tell("listening", 0.0)
        channels = range(recording.n_channels)
        with ThreadPoolExecutor(len(channels)) as pool:
            speech = tuple(pool.map(lambda c: speech_spans(recording, c, self.activity), channels))
        transcripts = []
        for channel in channels:
            tell("transcribing", 0.05 + 0.8 * channel / len(channels))
            transcripts.append(transcriber.transcribe(recording, channel, speech[channel], language=language))
        tell("telling the speakers apart", 0.85)
        voices = identify(
            recording, tuple(transcripts), speech, roles=roles, source=source, activity=self.activity
        )
        return Call(
            id=about.call_id or Path(recording.audio.name).stem,
            duration_ms=recording.duration_ms,
            started_at=about.started_at,
            agent_id=about.agent_id,
            customer_id=about.customer_id,
            queue=about.queue,
            metadata=about.metadata,
            audio=recording.audio,
            channels=tuple(voice.channel for voice in voices),
            utterances=utterances(voices, self.turns),
            warnings=(*recording.warnings, *_not_understood(speech, voices)),
            provenance=_provenance(
                (transcriber.model, ACTIVITY_MODEL, *models_used(recording, voices)),
                {**self.settings, "activity": asdict(self.activity), "turns": asdict(self.turns)},
            ),
        )

    def score(
        self, call: Call, *, recording: Recording | None = None, progress: Progress | None = None
    ) -> Call:
        """The call with scores, characteristics, shifts, shape and moments; those it had are made anew.

        Works on any call with utterances: transcribed here, read from a text conversation, or stored.

        Args:
            call: what was said.
            recording: what it was transcribed from; the customer's voice in it is part of the intensity.
                Without it, a voice that was measured before counts as it was measured.
            progress: told of each stage.

        Raises:
            ModelError: the scorer is missing or corrupt.
        """
        tell = progress or _quiet
        tell("scoring", 0.9)
        scorer, earlier = self.scorer(), call
        call = _scored(call, scorer)
        if recording is not None:
            tell("listening to the voice", 0.95)
            call = hear(recording, call, self.voice)
        else:
            call = recall(earlier, call, self.voice)
        tell("finding shifts and moments", 0.98)
        call = _characterised(call, self.characteristics)
        call = replace(call, shifts=find_shifts(call, self.shifts))
        call = replace(call, shape=call_shape(call, self.shape))
        made = [scorer.model]
        if self.estimator is not None:
            estimator = self.estimator()
            call = replace(call, estimates=estimator.estimate(call))
            made.append(estimator.model)
        before = call.provenance or Provenance(version=sentiment.__version__)
        models = (*(m for m in before.models if m.task not in {new.task for new in made}), *made)
        settings = {
            **before.settings,
            "characteristics": asdict(self.characteristics),
            "shifts": asdict(self.shifts),
            "shape": asdict(self.shape),
        }
        if recording is not None or any(u.score and u.score.voice for u in earlier.utterances):
            settings["voice"] = asdict(self.voice)
        call = reflag(replace(call, provenance=_provenance(models, settings)), self.rules)
        tell("done", 1.0)
        return call


def load(
    transcription: TranscriberOptions | None = None,
    *,
    threads: int | None = None,
    score_agent_voice: bool = False,
    rules: Rules | None = None,
    satisfaction: Path | None = None,
) -> Analyser:
    """An analyser with the shipped scorer and a Whisper model. Nothing is loaded until it is used.

    Args:
        transcription: which Whisper model and engine, and how it is run.
        threads: processor threads of torch (the scorer, voices of mono calls); its own setting if ``None``.
        score_agent_voice: measure every party's voice, not only the customer's. In the EU, inferring
            workers' emotions from their voice is prohibited (AI Act, Article 5(1)(f)).
        rules: what moments are found by; the shipped rules if ``None``.
        satisfaction: a folder that ``sentiment fit`` wrote; the shipped estimates if ``None``.
    """
    transcription = transcription or TranscriberOptions()

    def transcriber() -> Transcriber:
        if threads is not None:
            import torch  # the voices of a mono call are told apart with it

            torch.set_num_threads(threads)
        return load_transcriber(transcription)

    def make_scorer() -> TextScorer:
        from sentiment.affect.text import load_text_scorer

        return load_text_scorer(threads=threads)

    scorer = _once(make_scorer)

    def estimator() -> Estimator:
        from sentiment.satisfaction.estimate import load_satisfaction

        return load_satisfaction(scorer(), satisfaction)

    return Analyser(
        transcriber=_once(transcriber),
        scorer=scorer,
        estimator=_once(estimator),
        rules=rules or default_rules(),
        voice=VoiceOptions(score_agent_voice=score_agent_voice),
        settings={"transcription": asdict(transcription)},
    )


def _once(make: Callable[[], T]) -> Callable[[], T]:
    """``make``, called when first asked and never again, whichever thread asks."""
    lock = Lock()
    made: list[T] = []

    def get() -> T:
        with lock:
            if not made:
                made.append(make())
        return made[0]

    return get


def _provenance(models: tuple[Model, ...], settings: Mapping[str, JSON]) -> Provenance:
    """Settings go through JSON, so that tuples are lists here too and the call equals what is read back."""
    return Provenance(version=sentiment.__version__, models=models, settings=json.loads(json.dumps(settings)))


def _not_understood(speech: Sequence[Sequence[Span]], voices: Sequence[Voice]) -> list[str]:
    """A sentence for each channel with stretches of speech in which no word was recognised."""
    found = []
    for channel, spans in enumerate(speech):
        words = [w for v in voices if len(speech) == 1 or v.channel.index == channel for w in v.words]
        heard = union(Span(w.start_ms, w.end_ms) for w in words)
        starts = [span.start_ms for span in heard]

        def is_heard(span: Span, heard: Sequence[Span] = heard, starts: Sequence[int] = starts) -> bool:
            last = bisect_left(starts, span.end_ms) - 1
            return last >= 0 and heard[last].end_ms > span.start_ms

        missed = [s for s in spans if s.duration_ms >= NOTICED_MS and not is_heard(s)]
        if missed:
            times = ", ".join(clock(s.start_ms) for s in missed[:8]) + (" ..." if len(missed) > 8 else "")
            found.append(f"Channel {channel}: speech, or a sound like it, but no recognised word at {times}.")
    return found


def _scored(call: Call, scorer: Scorer) -> Call:
    """The call with a score, or the reason for having none, on every utterance."""
    reasons = [_why_unscored(u, scorer) for u in call.utterances]
    readable = [u for u, reason in zip(call.utterances, reasons, strict=True) if reason is None]
    scores = iter(scorer.score(readable))
    utterances = tuple(
        replace(u, score=next(scores) if reason is None else None, unscored=reason)
        for u, reason in zip(call.utterances, reasons, strict=True)
    )
    warnings = [w for w in call.warnings if not w.startswith(_UNSCORED)]
    if foreign := sorted(
        {u.language for u in utterances if u.language and u.language not in scorer.languages}
    ):
        warnings.append(
            f"{_UNSCORED} {', '.join(foreign)}: the scorer was trained on {', '.join(scorer.languages)} only."
        )
    return replace(call, utterances=utterances, warnings=tuple(warnings))


def _characterised(call: Call, options: CharacteristicsOptions) -> Call:
    """The call with its characteristics, or the reason for having none."""
    reason = uncharacterised(call)
    found = characterise(call, options) if reason is None else None
    return replace(call, characteristics=found, uncharacterised=reason)


NOTICED_MS = 1_500
"""Speech this long without a recognised word is told of; shorter is mostly a breath or an "um"."""

_UNSCORED = "Not scored, in the language"


def _why_unscored(utterance: Utterance, scorer: Scorer) -> str | None:
    if utterance.language is not None and utterance.language not in scorer.languages:
        return f"spoken in {utterance.language!r}, which the scorer was not trained on"
    return scorer.scorable(utterance.text)


def _quiet(_stage: str, _fraction: float) -> None:
    """Progress that nobody watches."""
