"""What the assistant can do, one skill a file; a skill knows no other but `prompt`."""
