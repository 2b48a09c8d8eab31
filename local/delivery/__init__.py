"""Sending through the three doors, and accounting for every resource: what `send`, the demo and the bench share."""
