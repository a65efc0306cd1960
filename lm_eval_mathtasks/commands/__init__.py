"""What a command line asks for and prints: one file a command."""
