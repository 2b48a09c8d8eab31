"""Telemetry that leaves the process."""
