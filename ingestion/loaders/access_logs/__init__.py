"""Access logs of other services, replayed through the API as if the requests were made now.

Belongs here: reading a log line into what the API takes. Posting belongs to `loaders.api`.
"""
