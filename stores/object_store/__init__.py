"""S3: how it is reached, every key it holds, for how long."""
