"""The operator's pages, below /status/. They ask and act through the desk, and never touch the switchboard."""
