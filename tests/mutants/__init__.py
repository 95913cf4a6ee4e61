"""Fences taken out one by one, to see that a test notices each. What a fence is, is data: `fences/*.yaml`."""
