"""What only operators see and do: pages, /metrics, the commands of manage.py, and the desk that these ask.

Nothing that carries a message knows of it: only the runtime has the desk, and the router hands requests on.
"""
