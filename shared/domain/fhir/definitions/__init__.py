"""What FHIR R4 says of its types, value sets and invariants, in a compact form that is read type by type."""
