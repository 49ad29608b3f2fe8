"""A platform's events to the front desk, and its replies back."""
