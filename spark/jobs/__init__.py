"""Jobs: each reads tables and writes one; `python -m spark.jobs` runs them."""
