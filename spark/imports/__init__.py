"""Data of others: what a FHIR server exports, folders of Synthea CSV."""
