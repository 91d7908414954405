"""What an agent says that turns a mood, over text as :func:`sentiment.phrases.normalise` gives it.

English only: set by reading service calls, not learned. What rules listen for is in ``rules/phrases.toml``.
"""

from __future__ import annotations

from sentiment.phrases import Phrase

__all__ = ["BETTER", "HOLD", "WAIT", "WORSE"]

_HOLD = (
    r"on hold|hold (?:on|please|the line|for)|please hold|bear with me|(?:one|a) (?:moment|second|minute)|"
    r"give me (?:\w+ ){1,2}(?:moment|second|sec|minute)s?"
)

HOLD = Phrase.of("a wait", _HOLD)
"""An agent about to leave the customer waiting on the line."""

WAIT = Phrase.of(
    "a wait",
    _HOLD,
    r"(?:business|working) days|\w+ (?:to|or) \w+ (?:days|weeks)|(?:have|need) to wait|delay(?:ed)?",
)

BETTER = (
    Phrase.of(
        "an offer",
        r"(?:i|we) can (?:offer|give|send|book|arrange|credit|waive|refund|replace|upgrade|do that|get you)",
        r"(?:i|we) (?:will|would like to) (?:offer|give|send|credit|refund|waive|replace|arrange|book)",
        r"free (?:of )?\w+|(?:no|without) (?:extra |additional )?(?:charge|cost)|complimentary",
        r"full refund|refund you|money back|discount|voucher|credit (?:to|on) your",
    ),
    Phrase.of(
        "a fix",
        r"(?:i|we) (?:have )?(?:just |now |already )?(?:fixed|sorted|resolved|corrected|restored)",
        r"(?:i|we) have (?:just |now |already )?(?:updated|removed|refunded|reset|booked|approved|credited)",
        r"(?:is|are|been) (?:all |now )+(?:set|done|active|good)",
        r"(?:is|are|been) (?:all |now )*(?:fixed|sorted|resolved|corrected|restored|working|approved)",
        r"good news|i found (?:it|the|your)|should (?:now )?(?:work|be working)|taken care of",
    ),
    Phrase.of("an apology", r"(?:i am|we are) (?:\w+ ){0,2}sorry|so sorry|apologi[sz]e|apologies"),
    Phrase.of("understanding", r"i (?:\w+ )?understand|i hear you|you are (?:absolutely |quite )?right"),
    Phrase.of("thanks", r"thank you|thanks|appreciate"),
)
WORSE = (
    Phrase.of(
        "a refusal",
        r"(?:i|we|you) (?:am|are|will) not (?:be )?(?:able|allowed|eligible|entitled|going)",
        r"(?:i|we|you) do not (?:qualify|offer|cover|have|give|do)",
        r"(?:i|we|you) (?:can|could) not (?:do|help|offer|refund|give|make|change|waive|cancel|return)",
        r"not possible|(?:am|are) unable to",
        r"nothing (?:else |more )?(?:that )?(?:i|we) can do|unfortunately|against (?:our )?policy",
        r"not covered|not eligible|denied|declined|no longer (?:available|offer)",
    ),
    Phrase.of("a dismissive remark", r"calm down|not my (?:problem|fault|department|job)|you should have"),
    Phrase.of("a transfer", r"transfer(?:ring)? you|put you through|another department|call (?:them|back)"),
    WAIT,
    Phrase.of(
        "a fee", r"(?:fees?|charges?|charged) of|(?:cancelling|cancell?ation|late|extra) (?:fee|charge)s?"
    ),
)
