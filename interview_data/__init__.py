"""The `interview-data` command: how people operate the platform."""
