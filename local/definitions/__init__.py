"""Turns HL7's definition files into the compact artefact that the validator reads."""
