"""The hidden level: its probabilities are those of all ways to cut a call, added up."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from factories import customer

from sentiment.levels import LevelOptions, Levels, Likelihood, Observations, Pace

GRID = LevelOptions(n_levels=5, min_jump=0.9, expected_utterances=4.0, scales=(0.6, 1.5))


def observations(n, seed=3):
    rng = np.random.default_rng(seed)
    said = [
        customer("word " * int(rng.integers(1, 9)), float(p)) for p in np.clip(rng.normal(0, 0.5, n), -1, 1)
    ]
    seen = Observations.of(said)
    return replace(seen, elapsed=np.array([1.0, 1.0, 3.0, 1.5, 1.0, 2.0])[:n])


def every_path(model, seen):
    """Each way the hidden states can go, with where they jump and how likely that and the scores are."""
    like = model.likelihood(seen)
    n, scales, levels = like.stay.shape
    for s in range(scales):
        for path in itertools.product(range(levels), repeat=n):
            weight = model.start[s, path[0]] * like.stay[0, s, path[0]]
            jumps = []
            for j, (a, b) in enumerate(itertools.pairwise(path), start=1):
                if a == b:
                    weight *= (1 - like.rate[j]) * like.stay[j, s, b]
                else:
                    weight *= like.rate[j] * model.leads[a, b] * like.jump[j, s, b]
                    jumps.append((j, np.sign(b - a)))
            yield s, path, jumps, weight


def test_probabilities_are_those_of_all_paths_added_up():
    n = 6
    model, seen = Levels(GRID), observations(n)
    messages = model.smooth(seen)
    total, up, down = 0.0, np.zeros(n), np.zeros(n)
    states = np.zeros((n, 2, 5))
    for s, path, jumps, weight in every_path(model, seen):
        total += weight
        for j, level in enumerate(path):
            states[j, s, level] += weight
        for j, sign in jumps:
            (up if sign > 0 else down)[j] += weight
    np.testing.assert_allclose(messages.forward * messages.backward, states / total, atol=1e-12)
    np.testing.assert_allclose(np.prod(messages.evidence), total, rtol=1e-9)
    found_up, found_down = model.jumps(messages)
    np.testing.assert_allclose(found_up, up / total, atol=1e-12)
    np.testing.assert_allclose(found_down, down / total, atol=1e-12)


def test_the_change_since_is_that_of_all_paths_added_up():
    n, first = 6, 2
    model, seen = Levels(GRID), observations(n)
    messages = model.smooth(seen)
    total = above = below = 0.0
    for _, path, _, weight in every_path(model, seen):
        total += weight
        above += weight * (path[-1] > path[first])
        below += weight * (path[-1] < path[first])
    parts = (getattr(messages.like, name)[first + 1 :] for name in ("stay", "jump", "typical", "rate"))
    change = model.change(messages.forward[first], [Likelihood(*parts)])
    assert change == pytest.approx((above / total, below / total), abs=1e-12)


def test_no_jump_is_smaller_than_the_least():
    model = Levels(LevelOptions(min_jump=0.3))
    distance = np.abs(model.grid[:, None] - model.grid[None, :])
    assert (model.leads[distance < 0.29] == 0).all()
    assert (model.leads[(distance > 0.31)] > 0).all()
    np.testing.assert_allclose(model.leads.sum(axis=1), 1.0)


def test_likelihoods_are_densities():
    """Each adds up to 1 over all polarities, in every state."""
    y = np.linspace(-6, 6, 4001)
    seen = Observations(y, np.full(4001, 0.3), np.full(4001, 0.2), np.full(4001, 4.0), np.ones(4001))
    like = Levels().likelihood(seen)
    for density in (like.stay, like.jump):
        np.testing.assert_allclose(density.sum(axis=0) * (y[1] - y[0]), 1.0, atol=1e-3)


def test_a_short_or_quiet_utterance_is_rather_taken_for_filler():
    """Neutral words tell less against a level of -0.6 if they are few and said without feeling."""

    def against(words, intensity):
        seen = Observations(*(np.array([v]) for v in (0.0, 0.1, intensity, words, 1.0)))
        model = Levels()
        stay = model.likelihood(seen).stay[0, 1]
        return stay[np.isclose(model.grid, 0.0)] / stay[np.isclose(model.grid, -0.6)]

    assert against(1.0, 0.0) < against(12.0, 0.0) < against(12.0, 0.6)


def test_a_pause_is_told_in_the_partys_own_usual_intervals():
    slow, quick, chat = Pace(), Pace(), Pace()
    starts = [0, 5, 9, 15, 20, 50, 55]
    assert [slow.step(4000 * s) for s in starts] == [quick.step(1000 * s) for s in starts]
    assert [chat.step(None) for _ in starts] == [1.0] * 7
    again = Pace()
    assert [again.step(1000 * s) for s in starts] == [1.0, 1.0, 1.0, 1.0, 1.0, 6.0, 1.0]


def test_a_jump_is_likelier_after_a_pause_but_not_beyond_bounds():
    zeros = np.zeros(4)
    seen = Observations(zeros, zeros, zeros, zeros + 5, np.array([1.0, 4.0, 8.0, 800.0]))
    options = LevelOptions(expected_utterances=40.0, longest_pause=8.0)
    rate = Levels(options).likelihood(seen).rate
    np.testing.assert_allclose(rate, 1 - (1 - 1 / 40) ** np.array([1, 4, 8, 8]))
