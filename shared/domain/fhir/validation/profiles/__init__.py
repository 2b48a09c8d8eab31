"""Checks a resource against profiles: StructureDefinitions that narrow what its type allows."""
