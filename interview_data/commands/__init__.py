"""One module per group of commands. Each imports what is heavy inside its functions."""
