"""The phrases that matter in a contact centre, over text as :func:`sentiment.phrases.normalise` gives it.

What an agent says that may turn a customer's mood (:data:`BETTER`, :data:`WORSE`), and what the rules
of :mod:`sentiment.moments` listen for. English only: set by reading service calls, not learned.
"""

from __future__ import annotations

from sentiment.phrases import Phrase

__all__ = ["BETTER", "DISMISSIVE", "ESCALATION", "HOLD", "LEAVING", "REPEATED_CONTACT", "WAIT", "WORSE"]

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

# -- what the rules listen for ---------------------------------------------------------------------

_WANT = (
    r"(?:want|like|going|have|need|ready|prefer|decided|trying|love|happy|about|wish) to|please|just|rather|"
    r"(?:i|we) (?:will|would|may|might)|(?:can|could) you|let (?:us|me)|considering|thinking (?:of|about)"
)
_SERVICE = (
    r"(?:services?|account|subscription|contract|policy|plan|membership|insurance|cover|coverage|lines?|package|"
    r"connection|cable|internet|broadband|phone|mobile|licen[cs]e|cards?|whole thing|everything)"
)
_ANOTHER = r"(?:another|a different|a new|some other|your)"
_FIRM = r"(?:provider|company|carrier|bank|supplier|insurer|shop|store|agency|network|competitor)s?"
_CHANGE = r"(?:switch(?:ing)?|chang(?:e|ing)|mov(?:e|ing)|go(?:ing)?)"
_CONTACT = (
    r"(?:call(?:ed|ing)?|phon(?:e|ed|ing)|contact(?:ed|ing)?|ring(?:ing)?|rung|rang|email(?:ed|ing)?|wrote|"
    r"written|spoken|spoke|speak|explain(?:ed|ing)?|chat(?:ted|ting)?)"
)
_NTH = r"(?:second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|umpteenth|hundredth|\d+(?:nd|rd|th))"
_TIMES = (
    r"(?:twice|(?:two|three|four|five|six|seven|eight|ten|\d+|several|many|multiple|a few|a couple(?: of)?)"
    r" times)"
)

LEAVING = (
    Phrase.of(
        "cancelling",
        # Who cancels an order or an appointment is not leaving.
        rf"(?:{_WANT}) cancel (?:(?:my|our|the|this|your|all my|all of my) (?:\w+ ){{0,3}})?{_SERVICE}",
        rf"(?:{_WANT}) cancel(?=$| ,| (?:because|if|and|with you|right now|today|completely|altogether)\b)",
        r"(?:of|about|considering|am|are) cancelling (?:my|our|the|this|with)",
    ),
    Phrase.of("closing the account", r"clos(?:e|ing) (?:my|our|the|this|all my) (?:\w+ )?accounts?"),
    Phrase.of(
        "going elsewhere",
        rf"{_CHANGE} to (?:{_ANOTHER} {_FIRM}|the competition)",
        rf"(?:find|finding|look for|looking for|leave for|leaving for) {_ANOTHER} {_FIRM}",
        rf"(?:switch|change|switching|changing) {_FIRM}",
        r"(?:business|money|custom|account) (?:somewhere else|elsewhere)",
        r"(?:go|going) (?:somewhere else|elsewhere)|leav(?:e|ing) (?:your|this) company",
        r"(?:done|finished|through) with (?:you|you guys|your company|this company|you people)",
        r"never (?:\w+ ){0,2}(?:buy|buying|shop|order|use|using|book|fly|doing? business|stay) "
        r"(?:\w+ ){0,5}again",
        r"(?:lost|losing) (?:me as )?a customer",
    ),
    Phrase.of(
        "legal action",
        r"(?:my|a|our) (?:lawyer|attorney|solicitor)s?|legal action|small claims",
        r"(?:sue|suing) you(?:r company)?|(?:take|see) you (?:to|in) court",
    ),
    Phrase.of(
        "a regulator or the press",
        r"ombudsman|better business bureau|bbb|fcc|cfpb|ofcom|ofgem|trading standards",
        r"consumer protection",
        r"(?:report|complain|complaint|go|write) (?:\w+ ){0,5}(?:regulator|authorities|attorney general)",
        r"(?:go|going|talk|talking) to the (?:press|media|papers|newspapers)",
    ),
)
"""What a customer says who may leave, or take it outside."""

_BOSS = r"(?:manager|supervisor|superior|boss|team leader)"

ESCALATION = (
    Phrase.of(
        "asked for a supervisor",
        rf"(?:speak|talk|put me|transfer me|connect me|pass me|get me|escalate) (?:\w+ ){{0,4}}{_BOSS}",
        r"(?:speak|talk|put me|transfer me|connect me|pass me|get me) (?:\w+ ){0,3}(?:someone|somebody) "
        r"(?:else|higher|senior|in charge|above you)",
        rf"(?:want|need|get|give me|where is|call) (?:to (?:see|have) )?(?:your|a|the) {_BOSS}",
        rf"is there (?:a|another) {_BOSS}|(?:want|like) (?:\w+ )?(?:this |it )?(?:to be )?escalated",
    ),
    Phrase.of(
        "spoke of a formal complaint",
        r"(?:make|making|file|filing|lodge|raise|submit|put in) (?:a|an|another) (?:\w+ )?complaint",
        r"(?:formal|official) complaint",
    ),
)

REPEATED_CONTACT = (
    Phrase.of(
        "been in touch before",
        rf"{_NTH} time (?:\w+ ){{0,6}}{_CONTACT}|{_NTH} (?:phone )?(?:call|email|chat)",
        rf"not the first time (?:\w+ ){{0,4}}{_CONTACT}|every time (?:i|we) {_CONTACT}",
        rf"(?:i|we) (?:have |had )?(?:already |also |now |even )*(?:been )?{_CONTACT} "
        rf"(?:\w+ ){{0,5}}{_TIMES}",
        r"(?:i|we) (?:have |had )?already (?:called|phoned|contacted|emailed|rung)",
        r"(?:i|we) (?:have |had )?(?:called|phoned|contacted|emailed|rung) "
        r"(?:\w+ ){0,4}(?:before|last week|yesterday)",
        r"(?:i|we) (?:have been|keep|have to keep) (?:on )?(?:calling|phoning|ringing|contacting|explaining)",
    ),
)

DISMISSIVE = (
    Phrase.of(
        "“not my problem”",
        r"not (?:my|our) (?:problem|fault|department|job|concern|responsibility|issue)",
    ),
    Phrase.of("“nothing I can do”", r"nothing (?:else |more )?(?:that )?(?:i|we) can do"),
    Phrase.of("“calm down”", r"calm down|(?:stop|quit) (?:yelling|shouting|complaining)"),
    Phrase.of(
        "blame",
        r"you should have (?:\w+ ){0,2}(?:read|known|checked|called|told|thought|listened|asked)",
        r"that is your (?:problem|fault)|your own fault|you are not listening",
        r"(?:as|like) i (?:already )?told you",
    ),
    Phrase.of("indifference", r"i do not care|(?:have|need) to (?:just )?deal with it|too bad"),
)
"""An agent's wording alone; how the agent may feel is not looked at."""
