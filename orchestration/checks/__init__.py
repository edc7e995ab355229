"""Checks that are not dbt tests: on what was captured and on what has landed."""
