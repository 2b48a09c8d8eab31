"""Rules over recorded resources, each with a mutant in the tests that it catches."""
