"""The Django app: the protocol, the switchboard that decides, and the adapters that perform."""
