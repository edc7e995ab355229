"""Dagster's view of the platform; the only importer of dagster."""
