"""Taking events: how a body is read, who may send how much, what becomes of each event.

Belongs here: everything between the address of an ingest endpoint and the bus. Addresses are in
`serving.routers.events`, what an event may say is in `stores.event_bus.contracts`.
"""
