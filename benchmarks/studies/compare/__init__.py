"""Samplers on trained VAEs: fidelity, coverage, novelty, seconds."""
