"""Training on the lake: models of the feature store from landmarks to a candidate. Needs NumPy, scikit-learn and MLflow."""
