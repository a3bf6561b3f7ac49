"""``python -m benchmarks NAME``: run one benchmark, each with its own ``--help``."""

import sys
from importlib import import_module
from typing import NamedTuple

from riemann_sampler.errors import RiemannSamplerError


class Benchmark(NamedTuple):
    """What a name on the command line stands for.

    Attributes:
        purpose: What the benchmark is for, in a line.
        module: Its module, below `benchmarks`.
        function: What it is run by.
    """

    purpose: str
    module: str
    function: str = "main"


BENCHMARKS = {
    "demo": Benchmark("train a small VAE on digits, sample it, print the table, draw the pictures", "studies.demo"),
    "compare": Benchmark(
        "samplers on trained VAEs: fidelity, coverage, novelty, seconds, against pythae's own; and the report",
        "studies.compare.run",
    ),
    "low-data": Benchmark(
        "the same for small training sets, as curves over their size", "studies.compare.run", "main_low_data"
    ),
    "study": Benchmark(
        "variants of our presets on validation data, from which their defaults were chosen", "studies.presets.run"
    ),
    "novelty": Benchmark("does calibrated novelty land where held-out codes say it should?", "studies.novelty"),
    "report": Benchmark(
        "tables, pictures and one HTML file from the cells of a comparison", "studies.compare.report.run"
    ),
    "adapters": Benchmark(
        "every model of every supported library: fits, samples, left untouched, seconds", "studies.adapters"
    ),
    "augment": Benchmark(
        "classifiers on small and imbalanced training sets, filled up by us, SMOTE and others", "studies.augment"
    ),
    "interpolation": Benchmark(
        "paths between held-out codes: do they stay on the data? And their seconds", "studies.interpolation"
    ),
    "clustering": Benchmark(
        "k-medoids of Riemannian distances against k-means, by the true labels", "studies.clustering"
    ),
    "exactness": Benchmark(
        "total variation to the exact law on a grid, beside the paper's published dynamics", "studies.exactness"
    ),
    "speed": Benchmark(
        "gradients, time to samples, growth, processes, ten million latents, CUDA: seconds and memory", "studies.speed"
    ),
    "readme": Benchmark("put the tables of the committed results into README.md, STUDY.md and the docs", "readme"),
}


def main(arguments: list[str]) -> int:
    """Run the benchmark that the first argument names; 2 if there is none of that name."""
    if arguments and arguments[0] in BENCHMARKS:
        benchmark = BENCHMARKS[arguments[0]]
        try:
            getattr(import_module(f"benchmarks.{benchmark.module}"), benchmark.function)(arguments[1:])
        except RiemannSamplerError as error:
            print(f"python -m benchmarks {arguments[0]}: {error}", file=sys.stderr)
            return 2
        return 0
    wanted = not arguments or arguments[0] in ("-h", "--help")
    lines = [f"  {name:<13} {benchmark.purpose}" for name, benchmark in BENCHMARKS.items()]
    text = "\n".join(["usage: python -m benchmarks NAME [options]", "", *lines])
    print(text, file=sys.stdout if wanted else sys.stderr)
    return 0 if wanted else 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
