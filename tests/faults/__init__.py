"""The fault scenarios R1 to R25, each in two sizes: small in `make test`, at full size by `make faults`.

A module `rNN_*.py` holds one scenario: `TITLE`, the sizes `QUICK` and `FULL`, and `run(size)`, which returns what it
found (findings.py) and raises AssertionError when the server did not withstand it. docs/reliability.md has the table.
"""
