"""The labels of a score series."""

from anomaly.published import score_labels
from collector.model.labels import Labels


def test_a_query_that_drops_the_name_gives_a_score_without_metric() -> None:
    assert score_labels(Labels.of(instance="a"), "cpu") == Labels.of(
        "tocsin_anomaly_score", instance="a", watch="cpu"
    )


def test_labels_that_the_source_has_already_are_kept_under_another_name() -> None:
    source = Labels.of("m", metric="x", watch="y")
    assert score_labels(source, "w") == Labels.of(
        "tocsin_anomaly_score", metric="m", watch="w", exported_metric="x", exported_watch="y"
    )
