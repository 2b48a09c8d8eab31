"""A local Azure Functions host for Python v2 apps, honest about what the real host does unkindly."""
