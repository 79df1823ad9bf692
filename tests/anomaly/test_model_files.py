"""Models come back as they were; anything else on disk is refused, never run."""

import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from anomaly.model_files import KEEP_MS, VERSION, ModelFiles
from anomaly.series_model import SeriesModel, fit_series
from collector.model.errors import StorageError


@pytest.fixture(scope="module")
def model() -> SeriesModel:
    values = np.random.default_rng(1).normal(size=100)
    fitted = fit_series(values, np.arange(100, dtype=np.int64) * 5000, seed=1, now_ms=123)
    assert fitted is not None
    return fitted


def test_a_model_comes_back_as_it_was(tmp_path: Path, model: SeriesModel) -> None:
    ModelFiles(tmp_path / "deep/er").save("a1", model)
    again = ModelFiles(tmp_path / "deep/er").load("a1")
    assert again is not None
    for name, array in model.to_arrays().items():
        assert np.array_equal(array, again.to_arrays()[name]), name
    assert sorted(path.name for path in (tmp_path / "deep/er").iterdir()) == ["a1.npz"]


def test_no_file_is_no_model(tmp_path: Path) -> None:
    assert ModelFiles(tmp_path).load("a1") is None


class Boom:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("exit 1",)


def damaged(kind: str, path: Path, model: SeriesModel) -> None:
    whole = path.read_bytes()
    arrays = {**model.to_arrays(), "version": np.array(VERSION)}
    if kind == "torn":
        path.write_bytes(whole[: len(whole) // 2])
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "pickle":
        path.write_bytes(pickle.dumps(Boom()))
    elif kind == "pickle inside":
        np.savez(path, **{**arrays, "centre": np.array([Boom()], dtype=object)})
    elif kind == "other version":
        np.savez(path, **{**arrays, "version": np.array(VERSION + 1)})
    elif kind == "other features":
        np.savez(path, **{**arrays, "centre": np.zeros(3)})
    else:
        np.savez(path, **{key: value for key, value in arrays.items() if key != "tails"})


@pytest.mark.parametrize(
    "kind",
    [
        "torn",
        "empty",
        "pickle",
        "pickle inside",
        "other version",
        "other features",
        "lacking an array",
    ],
)
def test_a_damaged_file_is_refused_with_its_path(
    kind: str, tmp_path: Path, model: SeriesModel
) -> None:
    files = ModelFiles(tmp_path)
    files.save("a1", model)
    damaged(kind, tmp_path / "a1.npz", model)
    with pytest.raises(StorageError, match=r"a1\.npz can't be used"):
        files.load("a1")


def test_old_models_and_torn_writes_are_removed(tmp_path: Path, model: SeriesModel) -> None:
    files = ModelFiles(tmp_path)
    files.save("old", model)
    files.save("young", model)
    (tmp_path / "torn.partial").write_bytes(b"x")
    os.utime(tmp_path / "old.npz", (1000, 1000))
    os.utime(tmp_path / "young.npz", (2000, 2000))
    assert files.remove_old(1_000_001 + KEEP_MS) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["young.npz"]


def test_a_directory_that_cannot_be_written_is_told(tmp_path: Path, model: SeriesModel) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="can't be written"):
        ModelFiles(tmp_path / "file").save("a1", model)
