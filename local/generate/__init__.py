"""Events made up for trying the platform: adverse event reports and vital signs, at a rate, from a seed."""
