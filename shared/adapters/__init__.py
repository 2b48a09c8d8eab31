"""The ports made real, one folder per technology."""
