"""Check what a built wheel holds: ``python .ci/check_wheel.py FILE.whl``."""

import sys
from pathlib import Path, PurePosixPath
from zipfile import ZipFile


def expected_modules() -> set[str]:
    """Names that the modules of the source tree must have inside the wheel."""
    root = Path(__file__).resolve().parent.parent
    packages = {"riemann_sampler": root / "riemann_sampler", "riemann_sampler/adapters": root / "adapters"}
    modules = set()
    for inside, folder in packages.items():
        found = (path.relative_to(folder) for path in folder.rglob("*.py") if (folder / "adapters") not in path.parents)
        modules |= {f"{inside}/{path.as_posix()}" for path in found}
    return modules | {"riemann_sampler/py.typed", "riemann_sampler/adapters/__init__.py"}


def problems(names: set[str]) -> list[str]:
    """What is wrong with a wheel that holds these files."""
    packaged = {name for name in names if not PurePosixPath(name).parts[0].endswith(".dist-info")}
    expected = expected_modules()
    missing = [f"missing from the wheel: {name}" for name in sorted(expected - packaged)]
    surplus = [f"not meant to be in the wheel: {name}" for name in sorted(packaged - expected)]
    licence = [] if any(name.endswith("/licenses/LICENSE") for name in names) else ["no LICENSE in the wheel"]
    return missing + surplus + licence


def main() -> None:
    """Print the verdict; end with status 1 when the wheel is wrong."""
    if len(sys.argv) != 2:
        sys.exit("usage: python .ci/check_wheel.py FILE.whl")
    with ZipFile(sys.argv[1]) as wheel:
        names = {name for name in wheel.namelist() if not name.endswith("/")}
    found = problems(names)
    if found:
        sys.exit("\n".join(found))
    print(f"{Path(sys.argv[1]).name}: {len(names)} files, all as expected")


if __name__ == "__main__":
    main()
