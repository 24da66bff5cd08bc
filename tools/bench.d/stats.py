# SPDX-License-Identifier: MIT
"""Medians, geometric means, and how far they may be trusted: intervals by bootstrap.

What is compared are ratios within a round, ours over a peer's, because what disturbs a machine for minutes
disturbs both. A workload's figure is the median of its rounds' ratios, a group's the geometric mean of those.
An interval is what 95 of a hundred repetitions find when rounds are drawn anew from those that were measured,
with replacement; the draws are the same each time.
"""
import random
import statistics
from dataclasses import dataclass

DRAWS = 1000
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Estimate:
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Score:
    """Ours beside the best peer; the peer was chosen in other rounds than the ratio is from."""
    peer: str
    ratio: Estimate


def ratios(ours, theirs):
    """Ours over theirs, round by round."""
    return [a / b for a, b in zip(ours, theirs)]


def _interval(value, draw):
    """The middle of what draw() gives again and again."""
    numbers = random.Random(1)
    drawn = sorted(draw(numbers) for _ in range(DRAWS))
    outside = round(DRAWS * (1 - CONFIDENCE) / 2)
    return Estimate(value, drawn[outside], drawn[-1 - outside])


def median(values):
    """With its interval."""
    return _interval(statistics.median(values),
                     lambda numbers: statistics.median(numbers.choices(values, k=len(values))))


def geometric_mean(series):
    """Of the medians of several series, with its interval: each series is drawn anew from itself."""
    def draw(numbers):
        return statistics.geometric_mean(
            statistics.median(numbers.choices(values, k=len(values))) for values in series)
    return _interval(statistics.geometric_mean(map(statistics.median, series)), draw)


def score(ours, peers):
    """peers: {name: values}. The best is the one with the least median in the odd rounds (the first is odd); the
    ratio is from the even ones. With one round alone both are from that."""
    odd = slice(0, None, 2)
    even = slice(1, None, 2) if len(ours) > 1 else odd
    best = min(peers, key=lambda name: statistics.median(peers[name][odd]))
    return Score(best, median(ratios(ours[even], peers[best][even])))


def spread(values):
    """The interquartile range as a share of the median."""
    if len(values) < 3:
        return 0.0
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return (high - low) / middle if middle else 0.0
