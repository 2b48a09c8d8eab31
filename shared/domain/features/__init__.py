"""Features: pure functions over what is known of a patient up to an instant, shared by training and serving."""
