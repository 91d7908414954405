"""Check digits: what tells a card or bank account number from any other run of digits."""

from __future__ import annotations

from itertools import accumulate

__all__ = ["IBAN_LENGTHS", "Luhn", "is_iban", "is_routing_number", "network_length"]


class Luhn:
    """Luhn's sum of any window of a string of digits in constant time (ISO/IEC 7812-1, annex B)."""

    def __init__(self, digits: str) -> None:
        values = [int(d) for d in digits]
        doubled = [d * 2 - 9 if d > 4 else d * 2 for d in values]
        # Sums with every second digit doubled, from the first or from the second on.
        self._sums = [
            [0, *accumulate(doubled[i] if i % 2 == parity else values[i] for i in range(len(values)))]
            for parity in (0, 1)
        ]

    def holds(self, start: int, end: int) -> bool:
        """Whether ``digits[start:end]`` passes."""
        sums = self._sums[end % 2]  # the last digit, at end - 1, is not doubled
        return (sums[end] - sums[start]) % 10 == 0


def network_length(digits: str) -> int | None:
    """How many digits a card has that begins so, by the large networks' ranges; ``None`` if it is none."""
    if digits[:2] in ("34", "37"):
        return 15
    if digits[:2] in ("36", "38", "39") or "300" <= digits[:3] <= "305":
        return 14
    large = digits[:1] in ("4", "6") or "51" <= digits[:2] <= "55" or "2221" <= digits[:4] <= "2720"
    return 16 if large or digits[:2] == "35" else None


def is_routing_number(digits: str) -> bool:
    """Whether nine digits are a US routing number: 3, 7, 1 weighted, the sum a multiple of ten."""
    if len(digits) != 9 or digits == "000000000":
        return False
    return sum(int(d) * weight for d, weight in zip(digits, (3, 7, 1) * 3, strict=True)) % 10 == 0


IBAN_LENGTHS = {
    country: length
    for length, countries in {
        15: "NO",
        16: "BE",
        18: "DK FI FO GL NL SD FK",
        19: "MK SI",
        20: "AT BA EE KZ LT LU XK MN",
        21: "CH HR LI LV",
        22: "BG BH CR DE GB GE IE ME RS VA",
        23: "AE GI IL IQ TL OM SO",
        24: "AD CZ ES MD PK RO SA SE SK TN VG",
        25: "LY PT ST",
        26: "IS TR",
        27: "BI DJ FR GR IT MC MR SM",
        28: "AL AZ BY CY DO GT HU LB NI PL SV",
        29: "BR EG PS QA UA",
        30: "JO KW MU YE",
        31: "MT SC",
        32: "LC",
        33: "RU",
    }.items()
    for country in countries.split()
}
"""Characters of an IBAN by country code (SWIFT's IBAN registry)."""


def is_iban(text: str) -> bool:
    """Whether capitals and digits without spaces are an IBAN (ISO 13616: the remainder by 97 is 1)."""
    if IBAN_LENGTHS.get(text[:2]) != len(text) or not text[2:4].isdecimal():
        return False
    return int("".join(str(int(c, 36)) for c in text[4:] + text[:4])) % 97 == 1
