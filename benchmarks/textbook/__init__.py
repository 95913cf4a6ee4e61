"""The signalling server that Channels' tutorial leads to, to compare with; it has no fences and is not to be used."""
