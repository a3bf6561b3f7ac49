"""Variants of the presets on validation data."""
