"""Published models: artefacts of data, read without scikit-learn, and the evaluation of their trees."""
