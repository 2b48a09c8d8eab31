"""The ports on EMR Serverless."""
