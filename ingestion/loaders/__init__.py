"""Real input and the demo workload: what brings rows in from outside the product.

Belongs here: reading foreign files, making rows of them, writing those to PostgreSQL or
posting them to the API. What happens to a row afterwards belongs to `cdc` and `events`.
"""
