"""What the SDKs' tests import and their source distributions lack; put on the path of those tests alone."""
