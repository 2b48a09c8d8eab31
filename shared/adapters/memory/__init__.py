"""Ports in memory: the reference that the real adapters are compared with."""
