"""Ports by processes of this machine."""
