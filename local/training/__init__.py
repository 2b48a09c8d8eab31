"""Training of the shipped models: cross-validation by patient, calibration, publishing, model cards."""
