"""Runs the tests that Microsoft ships with its SDKs against the emulators."""
