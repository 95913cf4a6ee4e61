"""The fast lane of the launcher's daphne: the common frame and the common handshake, in place.

Everything else goes to daphne's, autobahn's and Twisted's own code, with its state intact, and every fence stands in
both. The lane uses attributes of theirs that they promise to nobody; `reliance.py` has the table of them, and without
them, or on demand, the classes beside this package serve alone.
"""
