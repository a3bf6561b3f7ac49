"""Check that the installed package is the one imported: ``python -I check_import.py SITE_PACKAGES``."""

import importlib.metadata
import sys
from pathlib import Path

import riemann_sampler
import riemann_sampler.adapters


def main() -> None:
    """Print where the package was found; end with status 1 when that is not below the given folder."""
    site_packages = Path(sys.argv[1]).resolve()
    for module in (riemann_sampler, riemann_sampler.adapters):
        if module.__file__ is None or site_packages not in Path(module.__file__).resolve().parents:
            sys.exit(f"{module.__name__} was imported from {module.__file__}, not from {site_packages}")
    missing = [name for name in riemann_sampler.__all__ if not hasattr(riemann_sampler, name)]
    if missing:
        sys.exit(f"names in riemann_sampler.__all__ that it does not have: {', '.join(missing)}")
    print(f"riemann-sampler {importlib.metadata.version('riemann-sampler')} imported from {site_packages}")


if __name__ == "__main__":
    main()
