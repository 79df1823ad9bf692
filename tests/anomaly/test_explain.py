"""What is told, and in which words."""

import numpy as np

from anomaly.explain import FeatureDistance, sentence, told
from anomaly.features import FEATURES


def test_the_farthest_three_are_told_and_ordinary_ones_are_not() -> None:
    distances = np.zeros(len(FEATURES))
    distances[:5] = [4.0, -9.5, 2.9, 20.0, 5.0]
    assert told(distances) == (
        FeatureDistance("level_60", 20.0),
        FeatureDistance("level_5", -9.5),
        FeatureDistance("change", 5.0),
    )


def test_every_feature_that_has_a_distance_has_its_words() -> None:
    for name in FEATURES[:-2]:
        text = sentence([FeatureDistance(name, -4.0)], 5_000)
        assert "4.0 deviations" in text
    assert sentence([FeatureDistance("level_5", 8.24)], 5_000) == (
        "mean of the last 25s is 8.2 deviations above its recent past"
    )
    assert sentence([], 5_000) == "no single feature stands out"
