"""The HTTP API and the dashboards; the only importer of fastapi. Imports `stores` only."""
