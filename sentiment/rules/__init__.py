"""Rules as data: what to look for in a call, how severe it is, and the sentence that tells it.

``values`` says what a rule is, ``reader`` makes rules of a TOML file, ``filters`` lists the filters
(``felt``, ``timed``, ``said``), ``combine`` joins their hits, ``telling`` writes the sentence.
``default.toml`` holds the rules that are shipped, ``phrases.toml`` the named sets of phrases.
"""
