"""Validation by the models of fhir.resources."""
