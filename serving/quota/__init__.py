"""Quotas: what a plan allows is given out once, and never more of it.

Belongs here: in which order Redis and the ledger are asked, and what an answer says. The
addresses are in `serving.routers`, the statements and scripts in `stores`.
"""
