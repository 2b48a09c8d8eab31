"""Scheduled Spark jobs: raw evidence to bronze, silver and gold Delta tables."""
