"""Webhooks: telling customers' servers what happened, signed, until they say that they heard.

Belongs here: where may be sent to, how a message is signed, and the process that sends. What is
due is known by `stores.postgres.webhook_queue`.
"""
