"""The ports on Databricks."""
