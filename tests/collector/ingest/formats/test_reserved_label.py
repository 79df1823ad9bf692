from collector.ingest.formats.reserved_label import moved_aside
from collector.model.histogram_columns import COMPONENT


def test_other_labels_stay_as_they_are() -> None:
    assert moved_aside({"__name__": "m", "exported_x": "y"}) == {"__name__": "m", "exported_x": "y"}


def test_a_reserved_label_takes_a_free_name() -> None:
    taken = {COMPONENT: "a", f"exported_{COMPONENT}": "b", "x": "y"}
    assert moved_aside(taken) == {
        f"exported_exported_{COMPONENT}": "a",
        f"exported_{COMPONENT}": "b",
        "x": "y",
    }
