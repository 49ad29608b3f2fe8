"""What customers asked in a period, how they felt, and what went unanswered."""
