r"""
An imbalanced table
===================

``RiemannianOverSampler`` fills up the small classes of a table, in a pipeline of scikit-learn or imbalanced-learn.
You need no model: it trains a small VAE on the rows that it is given, so that inside cross-validation the validation
fold is never seen.

It needs ``pip install "riemann-sampler[imblearn,plot]"``.
"""

# %%
# Ten tumours of one kind, two hundred of the other
# -------------------------------------------------
# scikit-learn's breast cancer data, with most malignant tumours left out.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

X, y = load_breast_cancer(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.4, stratify=y, random_state=0)
rows = np.r_[np.flatnonzero(y_train == 0)[:10], np.flatnonzero(y_train == 1)[:200]]
X_few, y_few = X_train[rows], y_train[rows]
print(np.bincount(y_few))

# %%
# Fill up the small class
# -----------------------
# The rows given come first, unchanged, then the synthetic ones. A small net that has seen the real rows alone rejects
# samples that have left their class: ``filter_counts_`` says how many.

from riemann_sampler import RiemannianOverSampler

sampler = RiemannianOverSampler(n_steps=600, random_state=0)
X_more, y_more = sampler.fit_resample(X_few, y_few)
print(np.bincount(y_more))
print(sampler.filter_counts_.summary())

# %%
# Where the synthetic rows lie
# ----------------------------
# On the first two principal components of the standardized columns.

from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline as make_plain_pipeline
from sklearn.preprocessing import StandardScaler

project = make_plain_pipeline(StandardScaler(), PCA(2, random_state=0)).fit(X_train)
figure, axes = plt.subplots(figsize=(7, 4.6), layout="compressed")
for label, rows, style in (
    ("benign, real", X_few[y_few == 1], {"color": "#9aa7b5", "s": 10}),
    ("malignant, synthetic", X_more[len(X_few) :], {"color": "#e07b39", "s": 12, "alpha": 0.6}),
    ("malignant, real", X_few[y_few == 0], {"color": "#8b1a1a", "s": 45, "marker": "D"}),
):
    axes.scatter(*project.transform(rows).T, label=label, linewidths=0, **style)
axes.set(xlabel="first component", ylabel="second component")
_ = axes.legend(frameon=False)

# %%
# Does it help?
# -------------
# Balanced accuracy on rows that nothing was trained on, without and with the synthetic rows, and with SMOTE. One
# split of one data set says little: :doc:`/results/augmentation` has four data sets, five seeds and two classifiers,
# and says where it does not help.

from imblearn.over_sampling import SMOTE
from imblearn.pipeline import make_pipeline
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import balanced_accuracy_score

for name, step in {"as it is": "passthrough", "SMOTE": SMOTE(random_state=0), "ours": sampler}.items():
    pipeline = make_pipeline(step, HistGradientBoostingClassifier(min_samples_leaf=3, random_state=0))
    found = pipeline.fit(X_few, y_few).predict(X_test)
    print(f"{name:<9} {balanced_accuracy_score(y_test, found):.3f}")

# %%
# Words, numbers and categories
# -----------------------------
# DataFrames come back as DataFrames, integers as integers, categories as categories. :doc:`/augmentation` says more,
# also when not to use it.
