"""FHIR R4 as data: strict decoding, identity, references, search index, outcomes."""
