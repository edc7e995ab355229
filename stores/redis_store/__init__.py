"""Redis: how it is reached, every key it holds, how it is configured."""
