"""`python -m interview_data` is the command `interview-data`."""

from interview_data.cli import main

main()
