"""``python -m benchmarks NAME``: run one benchmark, each with its own ``--help``."""

import sys
from importlib import import_module

from riemann_sampler.errors import RiemannSamplerError

STUDIES = {
    "compare": "compare.run",
    "low-data": "compare.low_data",
    "report": "compare.report.run",
    "study": "presets.run",
}
"""Modules, below ``benchmarks.studies``, of those benchmarks that have not their own name."""

BENCHMARKS = {
    "demo": "train a small VAE on digits, sample it, print the table, draw the pictures",
    "compare": "samplers on trained VAEs: fidelity, coverage, novelty, seconds, against pythae's own; and the report",
    "low-data": "the same for small training sets, as curves over their size",
    "study": "variants of our presets on validation data, from which their defaults were chosen",
    "novelty": "does calibrated novelty land where held-out codes say it should?",
    "report": "tables, pictures and one HTML file out of the cells of a comparison",
    "adapters": "every model of every supported library: fits, samples, left untouched, seconds",
    "augment": "classifiers on small and imbalanced training sets, filled up by us, SMOTE and others",
    "interpolation": "paths between held-out codes: do they stay on the data? And their seconds",
    "clustering": "k-medoids of Riemannian distances against k-means, by the true labels",
    "exactness": "total variation to the exact law on a grid, beside the paper's published dynamics",
    "speed": "gradients, time to samples, growth, processes, ten million latents, CUDA: seconds and memory",
    "readme": "put the tables of the committed results into the README and the pages of the docs",
}


def _module(name: str) -> str:
    return "benchmarks.readme" if name == "readme" else f"benchmarks.studies.{STUDIES.get(name, name)}"


def main(arguments: list[str]) -> int:
    """Run the benchmark that the first argument names; 2 if there is none of that name."""
    if arguments and arguments[0] in BENCHMARKS:
        try:
            import_module(_module(arguments[0])).main(arguments[1:])
        except RiemannSamplerError as error:
            print(f"python -m benchmarks {arguments[0]}: {error}", file=sys.stderr)
            return 2
        return 0
    wanted = not arguments or arguments[0] in ("-h", "--help")
    lines = [f"  {name:<13} {purpose}" for name, purpose in BENCHMARKS.items()]
    text = "\n".join(["usage: python -m benchmarks NAME [options]", "", *lines])
    print(text, file=sys.stdout if wanted else sys.stderr)
    return 0 if wanted else 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
