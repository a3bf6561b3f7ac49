"""How benchmarks run: isolation, timing, provenance, snapshots of models."""
