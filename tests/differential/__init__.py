"""Random schemas, random changes, random kills; then every row and column compared.

Belongs here: what makes the changes, what breaks things, and an oracle of its own, which shares
no code with what it judges. One seed is one story: its tables, and what its sessions do to them.
Many stories share a round: one database, one publication, one capture process.
"""
