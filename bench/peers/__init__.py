"""Other roads from PostgreSQL to ClickHouse, over the same changes as ours.

Each peer is installed in an environment of its own, never in the platform's, by
`python -m bench.peers install`. What cannot be installed here is named in RESULTS.md.
"""
