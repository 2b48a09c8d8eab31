"""Tables as ViewDefinitions, and what evaluates them on one resource."""
