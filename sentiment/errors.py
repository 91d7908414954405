"""Every error this package raises on purpose.

    SentimentError
    ├── InputError          what was given cannot be used
    │   ├── AudioError      a recording: missing, empty, not audio, too many channels ...
    │   ├── ConversationError   a text conversation or a sidecar file
    │   ├── ChannelMapError     roles that do not fit the channels
    │   ├── FitError            figures that do not determine a statistical model
    │   ├── TableError      a table of surveys, contacts ...: a file, a column, a column map
    │   ├── MetricError     a metric, its variant or parameter, or a grouping that there is not
    │   └── RulesError      a file of rules: the message begins with its name and a line number
    ├── ModelError          a model cannot be had
    │   ├── UnknownModelError   no model of that name or path
    │   └── CorruptModelError   a file is missing or its checksum is wrong
    └── OutputError         a result cannot be written

Each message names the thing, says what is wrong with it and what to do, in one line.
"""

from __future__ import annotations

__all__ = [
    "AudioError",
    "ChannelMapError",
    "ConversationError",
    "CorruptModelError",
    "FitError",
    "InputError",
    "MetricError",
    "ModelError",
    "OutputError",
    "RulesError",
    "SentimentError",
    "TableError",
    "UnknownModelError",
]


class SentimentError(Exception):
    """Base of every error below; its text is one line fit to show a user."""


class InputError(SentimentError):
    """What was given cannot be used."""


class AudioError(InputError):
    """A recording cannot be read as audio."""


class ConversationError(InputError):
    """A text conversation, a call file or a sidecar file is malformed."""


class ChannelMapError(InputError):
    """A channel map does not fit the recording's channels."""


class FitError(InputError):
    """Figures are too few, or do not determine the statistical model asked for."""


class TableError(InputError):
    """A table of surveys, contacts, customers ... or the map of its columns cannot be used."""


class MetricError(InputError):
    """A metric is asked for that there is not, or in a way it cannot be counted."""


class RulesError(InputError):
    """A file of rules is wrong; the message begins ``file:line:``."""


class ModelError(SentimentError):
    """A model cannot be used."""


class UnknownModelError(ModelError):
    """No model of that name, hub id or path can be found."""


class CorruptModelError(ModelError):
    """A model's files are incomplete or do not match their checksums."""


class OutputError(SentimentError):
    """A result cannot be written."""
