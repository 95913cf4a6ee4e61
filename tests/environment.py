"""What the tests' own process is set to before Django's settings are read: a plug-in, for conftest.py comes too late.

Without it the tests would read the operator's `config.yaml` and write a secret key beside it.
"""

import os
import signal
from pathlib import Path

from hypothesis import settings

os.environ["ROUNDTABLE_CONFIG"] = str(Path(__file__).with_name("config.yaml"))
os.environ["ROUNDTABLE_SECRET_KEY"] = "a key for the tests, which protects nothing and is long enough"
os.environ.pop("ROUNDTABLE_DEBUG", None)

# On a busy machine an example may take longer than Hypothesis' 200 ms, which says nothing about the code.
settings.register_profile("roundtable", deadline=None)
settings.load_profile("roundtable")

# A shell has what it runs in the background ignore Ctrl-C, and so would each server and command that a test interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
