"""Data sets and the features in which they are compared."""
