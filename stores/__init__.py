"""The six stores: how each is reached, what it holds, how it is configured.

Belongs here: clients, migrations, key layouts, store configuration, settings and errors.
Does not belong here: what flows between the stores; that is `ingestion`, `dbt` and `serving`.
Imports none of our other packages; it alone imports the drivers.
"""
