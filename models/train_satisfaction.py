"""Train the satisfaction estimate of :mod:`sentiment.satisfaction`.

    python models/train_satisfaction.py --data ../shared/data

Scores rated dialogues with the shipped scorer, reads them with the dialogue encoder, and learns curves, a reading
and thresholds (:class:`sentiment.satisfaction.model.SatisfactionModel`). The helpdesk dialogues of ``stc3`` set level,
thresholds and interval. The others (``ab_redial``, ``casino``) are brought to its mean and spread, since a rating of
a negotiation and one of a helpdesk have little but their direction in common, and count for ``--others`` each.
A fifth of ``stc3``, by the hash of its ids, is never trained on. Seeded: the same scorer, data and versions give the
same numbers. What is measured in the dialogues is kept in ``--cache``; half an hour on one core without it.
"""
