"""The sample that ships with the project, and how `up` feeds it."""
