"""From 200 images to a better classifier: synthetic ones, by a model that has seen these 200 alone.

Needs ``pip install "riemann-sampler[imblearn]"``; run it with ``python low_data.py``.
"""

# %% 200 handwritten digits to learn from, the others to be judged by
from sklearn.datasets import load_digits
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import train_test_split

from riemann_sampler import RiemannianOverSampler

images, labels = load_digits().images, load_digits().target
x, x_test, y, y_test = train_test_split(images, labels, train_size=200, stratify=labels, random_state=0)

# %% Fill every class up to 200; a small VAE is trained on the 200 images on the way
sampler = RiemannianOverSampler(sampling_strategy=dict.fromkeys(range(10), 200), random_state=0)
x_more, y_more = sampler.fit_resample(x, y)
print(sampler.filter_counts_.summary())

# %% The same classifier without and with them
for name, train, target in (("200 images", x, y), ("filled up", x_more, y_more)):
    classifier = HistGradientBoostingClassifier(min_samples_leaf=3, random_state=0)
    score = classifier.fit(train.reshape(len(train), -1), target).score(x_test.reshape(len(x_test), -1), y_test)
    print(f"{name}: {score:.3f} of the other digits recognised")
