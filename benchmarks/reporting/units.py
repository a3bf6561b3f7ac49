"""Numbers as a reader wants them."""

__all__ = ["readable_memory", "readable_ratio", "readable_seconds"]

UNITS = ((1e-6, "µs"), (1e-3, "ms"), (1.0, "s"), (60.0, "min"), (3_600.0, "h"))


def readable_seconds(seconds: float, *, extrapolated: bool = False) -> str:
    """Seconds in the unit that suits them, minutes and hours from two on; ≈ if extrapolated, a dash for none at all."""
    if seconds == 0:
        return "–"
    least = [size if size <= 1 else 2 * size for size, _ in UNITS]
    index = max((i for i, bound in enumerate(least) if round(seconds / bound, 9) >= 1), default=0)
    size, unit = UNITS[index]
    return f"{'≈ ' * extrapolated}{_three_digits(seconds / size)} {unit}"


def readable_memory(mib: float | None) -> str:
    """Mebibytes, or gibibytes from two on; a dash for what could not be measured."""
    if mib is None:
        return "–"
    return f"{mib:.0f} MiB" if mib < 2_048 else f"{mib / 1_024:.1f} GiB"


def readable_ratio(ratio: float) -> str:
    """A ratio with its sign."""
    return f"{_three_digits(ratio)} ×"


def _three_digits(value: float) -> str:
    if abs(value) >= 99.95:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 9.995 else f"{value:.2f}"
