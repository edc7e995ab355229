"""Whether numbers that must be the same are the same, wherever they are kept.

Belongs here: reading one number in all its places, naming each difference with its reason, and
the history of that. How the numbers come about belongs to whoever keeps the place.
"""
