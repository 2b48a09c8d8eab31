"""Azure Functions triggers, one blueprint per kind of trigger."""
