"""Data quality: expectations per layer as data, and their run by Great Expectations."""
