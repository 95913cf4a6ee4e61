"""The fast lane of the launcher, piece by piece. In tests/server a real server is tried on both lanes."""
