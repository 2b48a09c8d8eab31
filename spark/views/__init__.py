"""Tables as ViewDefinitions, and what runs them on Spark."""
