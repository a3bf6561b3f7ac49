"""VAEs that benchmarks train."""
