"""Measurements of the whole platform, everything on this machine."""
