"""Triggers: a binding in, a use case, a binding out."""
