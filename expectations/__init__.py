"""What must hold of data that has landed, before models are built on it.

`suites/` says what and why, in the words of `words.py`. `checkpoint.py` asks a whole suite with
Great Expectations; `gate.py` asks the severe ones of what has just landed, before every build;
`quarantine.py` keeps the rows that break them out of the models.
"""
