"""Features of a patient as known at an instant: what Spark keeps in the feature store and what a score on request sees."""
