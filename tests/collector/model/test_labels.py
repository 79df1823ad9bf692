from hypothesis import given
from hypothesis import strategies as st

from collector.model.labels import Labels

LABEL_SETS = st.dictionaries(st.text(min_size=1), st.text())


@given(LABEL_SETS)
def test_order_of_writing_is_no_matter(labels: dict[str, str]) -> None:
    forward, backward = Labels(labels), Labels(reversed(list(labels.items())))
    assert forward == backward
    assert hash(forward) == hash(backward)
    assert forward.stable_hash() == backward.stable_hash()


@given(LABEL_SETS)
def test_an_empty_value_is_no_label(labels: dict[str, str]) -> None:
    assert dict(Labels(labels)) == {name: value for name, value in labels.items() if value}


def test_stable_hash_stays_the_same_between_versions() -> None:
    assert Labels.of("up", job="x").stable_hash() == 0xE7F4DF917539DD99


def test_names_and_values_are_not_confused_in_the_hash() -> None:
    assert Labels({"a": "b", "c": "d"}).stable_hash() != Labels({"a": "bc", "d": "d"}).stable_hash()


def test_text_is_prometheus_notation() -> None:
    assert str(Labels.of("up", job='a"b\n')) == 'up{job="a\\"b\\n"}'


def test_with_an_empty_value_a_label_goes() -> None:
    assert Labels.of("up", job="x").with_labels(job="") == Labels.of("up")


def test_label_sets_share_their_pairs_and_stay_equal() -> None:
    pool: dict[tuple[str, str], tuple[str, str]] = {}
    one = Labels.of("x", job="a").sharing(pool)
    other = Labels.of("y", job="".join(["a"])).sharing(pool)
    assert one == Labels.of("x", job="a")
    assert hash(one) == hash(Labels.of("x", job="a"))
    assert one.pairs[1] is other.pairs[1]
