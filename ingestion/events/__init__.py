"""Events from the bus become rows of `analytics`, each id once.

Belongs here: reading deliveries, landing them, dead letters, the loop that does so. The shape
of events and the bus itself are in `stores.event_bus`.
"""
