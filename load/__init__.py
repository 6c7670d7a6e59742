"""How much a cluster bears: users who ask guests for something while their VMs migrate, and what they are given.

The users are Locust's. They live in a process of their own, since Locust replaces Python's sockets by its own for all
that runs beside it: of this package only `users`, `shapes`, `generator` and `locustfile` import it.
"""
