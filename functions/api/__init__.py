"""The HTTP API as one ASGI application that knows no cloud."""
