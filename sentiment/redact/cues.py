"""Words that say what a number is: "security code", "sort code", and as telling, "order number".

A number by itself is rarely anything. The cue nearest before it says what it is, in the same turn or in
one of the turns before ("may I have the card number?"), whoever speaks.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from typing import TYPE_CHECKING, Literal, NamedTuple

from sentiment.redact.tokens import words_match

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Sequence

    from sentiment.redact.tokens import Turn

__all__ = ["Cue", "Cues", "Sought"]

Sought = Literal["card", "card?", "end", "cvv", "back", "ssn", "routing", "sort", "bank", "account", "phone", "zip", "house",
                 "address", "iban", "email", "other", "other?"]  # fmt: skip
"""What a cue leads one to expect. ``card?`` is a card named in passing, ``account`` may be an account of any
kind, ``end`` the last digits of one; ``other`` is a number that is nothing personal, ``other?`` a thing that may
have a number."""

REACH_TURNS = 4
"""How many turns after a cue its number may come."""
_AFTER_WORDS = 6
_OTHER_WORDS = 5
_LOOKED_AT = 8

_PHRASES: dict[Sought, str] = {
    "card": "card number,card numbers,card no,card details,long number,sixteen digits,16 digits,sixteen digit,"
    "16 digit,number on the front,numbers on the front,number across the front,number of the card,"
    "number of your card,card is,card 's,card it 's,debit card number,"
    "credit card number,card starts with,starts with,whole number,"
    "full number,full card number,pan",
    "card?": "card,cards,visa,mastercard,master card,amex,american express,discover,maestro,debit,credit card,"
    "debit card",
    "end": "ending,ending in,ending with,ends in,ends with,ended,ended in,last four,last 4,last four digits,"
    "last 4 digits,last three digits of the card",
    "cvv": "cvv,cvv code,cvv2,cvc,cvc code,cv2,cid,ccv,csc,security code,security number,security digits,"
    "three digits,3 digits,three digit,3 digit,three digit code,3 digit code,four digit code,4 digit code,"
    "three digit number,four digit number,code on the back,number on the back,numbers on the back,"
    "digits on the back,digits on the front,four digits on the front,code on the front,last three digits,"
    "last three,last 3 digits,signature strip,card verification,verification value",
    "back": "on the back,on back,on the front",
    "ssn": "social security,social security number,social,socials,ssn,s s n,soc",
    "routing": "routing,routing number,aba,aba number,transit number",
    "sort": "sort code,sortcode,sort code 's",
    "bank": "bank account,bank account number,bank,bank 's,checking account,checking account number,"
    "savings account,savings account number,checking,savings,direct debit,direct deposit,ach,account ending",
    "account": "account,accounts,account number,account no,acct,account is",
    "phone": "phone number,phone,telephone,telephone number,mobile,mobile number,cell,cell number,cell phone,"
    "cellphone,landline,home phone,callback number,call back number,contact number,reach me,reach me at,"
    "reach me on,reach you,reach you at,reach you on,reach her,reach him,reach us,reach us at,call me,call me at,"
    "call me back,call me back at,call you,call you back,call you back at,call us,call us at,call,ring,call them,best number,"
    "good number,number to reach,number to call,text me,text me at,dial,dialed,dialled,fax,direct line,"
    "support line,sales line,her number,his number,her number is,my number is,area code,whatsapp,hotline,"
    "call back,callback,number for the driver,number can i reach,voicemail,another number,daytime number",
    "zip": "zip,zip code,zipcode,postal code,postcode,post code,billing zip",
    "house": "house number,number of the house,apartment,apartment number,unit number,flat number",
    "address": "address,addresses,mailing address,street address,billing address,home address,live at,lives at,"
    "live on,living at,ship it,ship to,ship it to,deliver,deliver it,deliver to,delivered to,mail it,mail it to,"
    "moved to,located at,first line,send it to,send the check to,we're at,we are at,you're at,engineer go,"
    "the old one was,property",
    "iban": "iban,i b a n,international account",
    "email": "email,e mail,e - mail,mail,email address,e mail address,gmail,inbox",
    "other": "order number,reference,reference number,ref number,confirmation,confirmation number,"
    "confirmation code,tracking,tracking number,case number,ticket number,claim number,policy number,"
    "invoice number,serial number,serial,model number,member number,member id,membership number,"
    "group number,flight,flight number,room number,item number,sku,part number,batch number,lot number,imei,"
    "vin,license plate,plate number,passport number,passport,driver 's license,driving licence,licence number,"
    "license number,license key,customer number,customer id,employee id,badge number,booking number,"
    "booking reference,account reference,record locator,pin,pin number,promo code,error code,code from the,"
    "discount code,verification code,session code,gate code,access code,wifi code,pass code,passcode,expiry,"
    "expiry date,expires,expiration,expiration date,expire,exp,date of birth,birth date,birthday,born,dob,"
    "extension,option,check number,parcel number,meter reading,tax id,ein,bar code,barcode,upc,receipt number,"
    "job number,agreement number,tag number,bag tag,frequent flyer,loyalty number,ip address,bic,swift,"
    "ticket,social media,social worker,repair number,bag number,sim number,phone model,zip file,iccid,"
    "account reference number,merchant id,terminal id,po number,purchase order,website,wi fi,web site",
    "other?": "order,ref,case,claim,policy,invoice,model,member,group,room,seat,gate,item,batch,lot,plate,"
    "booking,reservation,code,error,version,build,port,meter,reading,valid,balance,amount,total,price,cost,fee,"
    "charge,charged,paid,weight,form,page,section,box,label,receipt,agreement,notice,number of,miles,points,"
    "rate,license,licence,key,id,product,score,parcel,check,units,shipment,package,row,bay,reg,registration,"
    "repair,transaction,population",
}
_TABLE: dict[str, list[tuple[tuple[str, ...], Sought]]] = defaultdict(list)
for _sought, _listed in _PHRASES.items():
    for _phrase in _listed.split(","):
        _words = tuple(_phrase.replace(" - ", " ").split())
        _TABLE[_words[0]].append((_words, _sought))
for _bucket in _TABLE.values():
    _bucket.sort(key=lambda entry: -len(entry[0]))


class Cue(NamedTuple):
    """Tokens ``[first, last]`` of a turn lead one to expect a number."""

    turn: int
    first: int
    last: int
    sought: Sought


class _TurnCues:
    """The cues of one turn, so that the nearest to a place is found at once, however many there are."""

    def __init__(self, cues: list[Cue]) -> None:
        self.all = cues
        self.firsts = [cue.first for cue in cues]
        self.sought = frozenset(cue.sought for cue in cues)
        self.named = [cue for cue in cues if cue.sought != "other?"]
        self.named_firsts = [cue.first for cue in self.named]
        strong = [cue for cue in self.named if cue.sought not in ("card?", "account", "end")]
        self.last = (strong or self.named or [None])[-1]


class Cues:
    """All cues of a call, and which of them is meant by a number."""

    def __init__(self, turns: Sequence[Turn]) -> None:
        self._turns = turns
        self._by_turn = [_TurnCues(_cues(turn) if turn.english else []) for turn in turns]
        self._spent: set[Cue] = set()
        for turn in turns:
            for i, token in enumerate(turn.tokens):
                if token.masked and (cue := next(self.before(turn.index, i), None)) is not None:
                    self._spent.add(cue)

    def spend(self, cue: Cue) -> None:
        """The number that was asked for has come."""
        self._spent.add(cue)

    def spent(self, cue: Cue) -> bool:
        """Whether its number has come already, in this reading or, as the mask after it tells, before."""
        return cue in self._spent

    def said(self, turn: int, *sought: Sought, turns: int = 0) -> bool:
        """Whether one of these is said in a turn, or in the ``turns`` before it."""
        return any(
            not self._by_turn[at].sought.isdisjoint(sought) for at in range(max(0, turn - turns), turn + 1)
        )

    def asks(self, turn: int) -> bool:
        """Whether a turn leads one to expect some number, so that it is more than a "mhm"."""
        return bool(self._by_turn[turn].sought - {"other?", "card?", "account"})

    def before(self, turn: int, token: int) -> Iterator[Cue]:
        """The cues that a number at this place may follow, the likeliest first, at most one a turn.

        In its own turn the nearest. In the turns before, what they name only in passing counts where
        they name nothing better. Beyond a cue to some other number none is looked for.
        """
        own = self._by_turn[turn]
        passing, named = bisect_left(own.firsts, token) - 1, bisect_left(own.named_firsts, token) - 1
        if passing >= 0 and own.all[passing].sought == "other?":
            cue = own.all[passing]
            if self._words_between(turn, cue.last, token) <= _OTHER_WORDS:
                yield cue
                return
        nearest = [own.named[named]] if named >= 0 else []
        earlier = (self._by_turn[back].last for back in range(turn - 1, max(-1, turn - 1 - REACH_TURNS), -1))
        for each in (*nearest, *earlier):
            if each is not None:
                yield each
                if each.sought == "other":
                    return

    def after(self, turn: int, token: int) -> Cue | None:
        """The cue that follows a number closely: "417 is the code on the back"."""
        own = self._by_turn[turn]
        at = bisect_left(own.named_firsts, token + 1)
        if at == len(own.named):
            return None
        cue = own.named[at]
        return cue if self._words_between(turn, token, cue.first) < _AFTER_WORDS else None

    def nearest(self, cue: Cue, sought: Container[str]) -> Cue | None:
        """The cue for one of these that comes last before a cue, else the first after it in its turn."""
        for back in range(cue.turn, max(-1, cue.turn - 1 - REACH_TURNS), -1):
            own = self._by_turn[back]
            stop = bisect_left(own.named_firsts, cue.first) if back == cue.turn else len(own.named)
            for other in reversed(own.named[max(0, stop - _LOOKED_AT) : stop]):
                if other.sought in sought:
                    return other
        own = self._by_turn[cue.turn]
        start = bisect_left(own.named_firsts, cue.last + 1)
        return next((c for c in own.named[start : start + _LOOKED_AT] if c.sought in sought), None)

    def _words_between(self, turn: int, first: int, last: int) -> int:
        words = self._turns[turn].words
        return bisect_left(words, last) - bisect_left(words, first + 1)


def _cues(turn: Turn) -> list[Cue]:
    """The cues of a turn in order; the longest phrase at each place."""
    found = []
    at, words = 0, turn.words
    while at < len(words):
        step = 1
        for phrase, sought in _TABLE.get(turn.tokens[words[at]].low, ()):
            if words_match(turn, at, phrase):
                found.append(Cue(turn.index, words[at], words[at + len(phrase) - 1], sought))
                step = len(phrase)
                break
        at += step
    return found
