"""The embedded stack: the six stores as supervised processes of this machine.

Belongs here: one module per store process, the supervisor, and the folder they live in.
Nothing else in the platform imports this: a store is reached by its URL, wherever it runs.
"""
