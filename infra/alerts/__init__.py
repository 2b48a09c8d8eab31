"""The platform's own alarms: rules as data, rendered to Prometheus, Azure Monitor and CloudWatch."""
