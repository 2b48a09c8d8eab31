"""FHIR interactions, named as the specification names them.

https://hl7.org/fhir/R4/http.html
"""
