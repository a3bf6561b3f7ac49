"""Libraries that are optional: none is imported before it is needed, and without them the rest works."""

import subprocess
import sys

# One process for all of it: most of its time goes into importing torch.
SCRIPT = """
import importlib.util
import sys

LIBRARIES = {"anndata", "diffusers", "imblearn", "lightning", "matplotlib", "monai", "multivae", "PIL", "pythae",
             "scvi"}
import riemann_sampler.adapters
early = LIBRARIES & set(sys.modules)
if early:
    sys.exit(f"imported before they were needed: {early}")

class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name in ("imblearn", "pandas"):
            raise ModuleNotFoundError(name)

for name in [name for name in sys.modules if name.startswith(("riemann_sampler", "pandas"))]:  # others import pandas
    del sys.modules[name]
find_spec = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name in ("imblearn", "pandas") else find_spec(name, *rest)
sys.meta_path.insert(0, Hidden())

import numpy as np
from riemann_sampler import *
from riemann_sampler.augmentation.table_codec import Columns

X = np.array([[1, "a"], [2, "b"]], dtype=object)
columns = Columns.fit(X)
if (columns.inverse(columns.transform(X), np.random.default_rng(0)) != X).any():
    sys.exit("without pandas a table comes back as another")

try:
    from riemann_sampler import RiemannianOverSampler
except ImportError as error:
    sys.exit(0 if 'pip install "riemann-sampler[imblearn]"' in str(error) else str(error))
sys.exit("RiemannianOverSampler was imported without imbalanced-learn")
"""


def test_optional_libraries_are_optional() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
