"""The table of adapters shows what fails."""

import warnings
from functools import cache
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from benchmarks.models.zoo import Trained
from benchmarks.studies import adapters
from riemann_sampler import CollapseWarning
from tests.helpers.models import Codec, make_plain_vae

pytestmark = pytest.mark.usefixtures("without_type_checks")  # which draw from the random state that is compared

DATA = torch.randn(60, 2, generator=torch.Generator().manual_seed(0))


def untrained() -> Trained:
    msg = "no such\ndata"
    raise RuntimeError(msg)


def counting() -> Trained:
    """A model that every call changes."""

    def decode(z: torch.Tensor) -> torch.Tensor:
        module.n_decoded += len(z)
        return z

    module = Codec(lambda x: (x, x - 3), decode)
    module.n_decoded = 0
    return Trained(module, DATA)


def warning() -> Trained:
    def encode(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        warnings.warn("collapsed", CollapseWarning, stacklevel=2)
        return x, x - 3

    return Trained(Codec(encode), DATA)


MODELS = {
    "good": lambda: Trained(Codec(lambda x: (x, x - 3)), DATA),
    "untrained": untrained,
    "no model": lambda: Trained(nn.Tanh(), DATA),
    "infinite": lambda: Trained(Codec(lambda x: (x, x - 3), lambda z: z / 0), DATA),
    "changed": counting,
    "warning": warning,
}


@cache  # not a fixture of the module, which would be made before the type checks are off
def run_once() -> dict[str, Any]:
    refused = {"tanh": nn.Tanh, "vae": make_plain_vae}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(adapters, "LIBRARIES", ("ours",))
        patch.setattr(adapters, "import_module", lambda _: SimpleNamespace(MODELS=MODELS, REFUSED=refused))
        return adapters.run()


@pytest.fixture
def figures() -> dict[str, Any]:
    return run_once()


def test_whatever_goes_wrong_is_a_row_and_a_failure(figures: dict[str, Any]) -> None:
    rows = {row["model"]: row for row in figures["rows"]}
    answers = {name: (row["fits"], row["samples"], row["untouched"]) for name, row in rows.items()}
    assert answers == {
        "good": (True, True, True),
        "untrained": (False, False, False),
        "no model": (False, False, False),
        "infinite": (True, False, True),
        "changed": (True, True, False),
        "warning": (True, True, True),
    }
    assert rows["untrained"]["note"] == "RuntimeError: no such data"
    assert rows["no model"]["note"].startswith("UnsupportedModelError: No adapter for a model of type Tanh")
    assert rows["warning"]["note"] == "CollapseWarning"
    assert rows["good"]["seconds"] > 0
    failed = "\n".join(adapters.failures(figures))
    assert all(f"ours {name}:" in failed for name in ("untrained", "no model", "infinite", "changed", "vae"))
    assert "good" not in failed
    assert "warning" not in failed
    assert "tanh" not in failed


def test_the_table_says_no_aloud(figures: dict[str, Any]) -> None:
    table = adapters.table(figures)
    assert table.count("NO") == 8
    assert "| ours    | tanh          | No adapter for a model of type Tanh." in table


def test_a_failure_ends_with_status_1(monkeypatch: pytest.MonkeyPatch, figures: dict[str, Any], tmp_path: Any) -> None:
    monkeypatch.setattr(adapters, "run", lambda: figures)
    with pytest.raises(SystemExit, match="ours untrained: RuntimeError: no such data"):
        adapters.main(["--output", str(tmp_path)])
    assert (tmp_path / "adapters.json").stat().st_size > 100


@pytest.mark.slow
def test_a_row_of_the_real_zoo() -> None:
    row = adapters.check("modules", "mapping")
    assert (row["adapter"], row["dim"]) == ("ModuleAdapter", 4)
    assert row["fits"]
    assert row["samples"]
    assert row["untouched"]
