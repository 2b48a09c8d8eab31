"""The onset of a chronic disease, forecast from the features of a patient: whom it is for, and what the model says."""
