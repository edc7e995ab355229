"""What must hold of data that has landed, before models are built on it.

`user_events.py` and its like say what and why; `checkpoint.py` asks and keeps the answers.
"""
