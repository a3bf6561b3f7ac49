"""`RiemannianOverSampler` in pipelines, cross-validation and grid searches."""

from typing import Any

import numpy as np
import pytest
import torch
from imblearn.pipeline import make_pipeline
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score
from sklearn.preprocessing import StandardScaler

from riemann_sampler import RiemannianOverSampler, RiemannianUniformSampler
from riemann_sampler.augmentation import auto_model, oversampling
from tests.helpers.oversampling_cases import Recorder, Y, assert_balanced, numbers, quick


def test_a_fold_never_sees_its_validation_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each fold the training, the laws, the filter and its classifier get the training rows, and no other."""
    recorded = Recorder.fresh()
    X = numbers()
    seen: dict[str, list[Any]] = {"vae": [], "law": [], "filter": []}
    train, fit, make_filter = auto_model.train_vae, RiemannianUniformSampler.fit, oversampling.SampleFilter

    def spy_train(data: Any, *args: Any, labels: Any, **kwargs: Any) -> Any:
        seen["vae"].append((data.numpy().copy(), labels.numpy().copy()))
        return train(data, *args, labels=labels, **kwargs)

    def spy_fit(self: Any, data: Any, labels: Any, **kwargs: Any) -> Any:
        seen["law"].append((self.model, data, labels))
        return fit(self, data, labels, **kwargs)

    def spy_filter(real: Any, **kwargs: Any) -> Any:
        seen["filter"].append(real.copy())
        return make_filter(real, **kwargs)

    monkeypatch.setattr(auto_model, "train_vae", spy_train)
    monkeypatch.setattr(RiemannianUniformSampler, "fit", spy_fit)
    monkeypatch.setattr(oversampling, "SampleFilter", spy_filter)
    folds = StratifiedKFold(3, shuffle=True, random_state=1)
    pipeline = make_pipeline(quick(classifier=Recorder(), min_distance=1e-3), LogisticRegression())
    scores = cross_val_score(pipeline, X, Y, cv=folds)
    assert scores.shape == (3,)
    assert [len(found) for found in (*seen.values(), recorded)] == [3, 3, 3, 3]
    for i, (train_rows, _) in enumerate(folds.split(X, Y)):
        expected = StandardScaler().fit_transform(X[train_rows]).astype(np.float32)
        np.testing.assert_array_equal(seen["vae"][i][0], expected)
        np.testing.assert_array_equal(np.array(["a", "b", "c"])[seen["vae"][i][1]], Y[train_rows])
        np.testing.assert_array_equal(seen["filter"][i], expected)
        assert_balanced(*recorded[i][:2], expected, Y[train_rows])
        model, data, labels = seen["law"][i]
        torch.testing.assert_close(data.mean, model.vae.encode(torch.from_numpy(expected))[0])
        np.testing.assert_array_equal(labels, Y[train_rows])


def test_a_grid_search() -> None:
    pipeline = make_pipeline(quick(), LogisticRegression())
    name = "riemannianoversampler"
    grid = {f"{name}__preset": ["calibrated", "local"], f"{name}__sampling_strategy": ["minority"]}
    search = GridSearchCV(pipeline, grid, cv=2).fit(numbers(), Y)
    assert search.best_estimator_.named_steps[name].sampling_strategy == "minority"
    assert len(search.cv_results_["params"]) == 2
    assert not hasattr(pipeline.named_steps[name], "model_")


def test_parameters() -> None:
    judge = LogisticRegression(C=3.0)
    sampler = RiemannianOverSampler(min_distance=0.1, classifier=judge)
    copy = clone(sampler.set_params(preset="local", classifier__C=5.0))
    assert copy.get_params(deep=False) == {**sampler.get_params(deep=False), "classifier": copy.classifier}
    assert copy.classifier.C == 5.0
    assert copy.model == "auto"
    assert copy.preset == "local"


def test_what_it_tells_scikit_learn() -> None:
    tags = RiemannianOverSampler().__sklearn_tags__()
    assert tags.non_deterministic
    assert not quick().__sklearn_tags__().non_deterministic
    assert (tags.input_tags.three_d_array, tags.input_tags.categorical, tags.input_tags.allow_nan) == (
        True,
        True,
        False,
    )
