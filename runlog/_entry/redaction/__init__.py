"""What must not be stored: secrets by the name of their key, and by their form."""
