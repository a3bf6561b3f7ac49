"""Samplers under comparison, behind one interface."""
