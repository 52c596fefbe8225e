"""What stands in the place of a secret."""

MARKER = "[redacted]"
