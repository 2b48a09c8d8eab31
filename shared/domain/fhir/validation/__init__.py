"""Validation of FHIR R4: one fast pass for what is valid, a slow reading that explains what is not."""
