"""Scores to tail probabilities: how seldom a score this high came, or would come, in training.

Peaks over threshold: up to the 90th percentile of the training scores the probability is read off
their empirical distribution; above it the excess follows a generalised Pareto distribution
(Pickands 1975) fitted by probability-weighted moments (Hosking & Wallis, Technometrics 29, 1987).
Its shape is held between 1/k, for k independent excesses the predictive distribution of an
exponential tail whose scale had to be estimated, and 0.5: few training rows make heavy tails, so
that a young model doubts itself. Scores over the threshold in a row count as one excess.

A fitted tail is one float64[TAIL_SIZE]: 33 quantiles from 0 to 0.9, then fraction above, scale,
shape; so that tails of many series stack into a matrix.
"""

from __future__ import annotations

import numpy as np

from collector.model.samples import Float64s

GRID = 33
TAIL_START = 0.9
TAIL_SIZE = GRID + 3
MAX_SHAPE = 0.5
LEAST_PROBABILITY = 1e-30


def fit_tail(scores: Float64s, min_scale: float) -> Float64s:
    """The tail of training scores (float64[n], n >= 1) in the order of time.

    `min_scale`, in the unit of the scores, is the least scale of the excess: scores that were all
    alike in training do not make the first different one impossible.
    """
    grid = np.quantile(scores, np.linspace(0.0, TAIL_START, GRID))
    above = scores > grid[-1]
    runs = int(above[0]) + int((above[1:] & ~above[:-1]).sum())
    excess = np.sort(scores[above] - grid[-1])
    fraction = max(len(excess), 1) / (len(scores) + 1)
    shape = min(max(_shape(excess), 1 / max(runs, 1)), MAX_SHAPE)
    mean = float(excess.mean()) if len(excess) else 0.0
    scale = max(mean * (1 - shape), min_scale)
    return np.concatenate([grid, [fraction, scale, shape]])


def _shape(excess: Float64s) -> float:
    """Shape of the generalised Pareto distribution from its first two weighted moments."""
    n = len(excess)
    if n < 2:
        return 0.0
    weights = 1 - (np.arange(1, n + 1) - 0.35) / n
    first, second = float(excess.mean()), float((weights * excess).mean())
    return 2 - first / (first - 2 * second) if first > 2 * second else MAX_SHAPE


def tail_probabilities(tails: Float64s, scores: Float64s) -> Float64s:
    """P(a score at least as high) of `scores` float64[n] under `tails` float64[n, TAIL_SIZE].

    One tail (float64[TAIL_SIZE]) serves all scores. In [1e-30, 1].
    """
    grid = tails[..., :GRID]
    fraction, scale, shape = tails[..., GRID], tails[..., GRID + 1], tails[..., GRID + 2]
    below = (grid < scores[..., None]).sum(axis=-1)
    ordinary = 1 - TAIL_START * below / GRID
    excess = np.maximum(scores - grid[..., -1], 0.0)
    rare = fraction * np.power(1 + shape * excess / scale, -1 / shape)
    probability = np.where(excess > 0, np.minimum(rare, ordinary), ordinary)
    return np.asarray(np.maximum(probability, LEAST_PROBABILITY))


def surprise(probability: Float64s) -> Float64s:
    """-log10 of a probability: 0 for the certain, 30 at most."""
    return -np.log10(probability)
