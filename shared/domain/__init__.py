"""Pure clinical and delivery logic: no SDK, no clock, no environment."""
