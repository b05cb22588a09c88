"""Fuzzing on demand, guided by coverage: `python -m fuzz frames` and the like (docs/fuzzing.md)."""
