"""A believable population of customers, for those who have no data of their own.

Belongs here: who the customers are, what they and their candidates do, and the rows and events
that leaves. The same parameters and the same anchor make the same rows on every machine.
"""
