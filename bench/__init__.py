"""Repeatable measurements, run by hand: `python -m bench.NAME` or `python bench/NAME.py`.

Nothing of the platform imports this. Figures worth keeping go into RESULTS.md with their command.
"""
