"""The feature store: facts of silver, by patient, through the functions that the service calls too."""
