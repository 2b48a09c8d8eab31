"""The functions of FHIRPath, a module for each section of http://hl7.org/fhirpath/N1/#functions and one for FHIR's own."""
