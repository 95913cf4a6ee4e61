"""The second lane: `manage.py serve --server uvicorn`. Uvicorn's own classes, and what the launcher adds to them.

Each piece names the fact that it cures (uvicorn 0.54, websockets 17.4, httptools 0.9). Of the handshake and of frames
it takes the common ones itself, as the fast lane does on daphne; the rest is for websockets' and uvicorn's own code.
"""
