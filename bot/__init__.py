"""What happens between a customer's message and the reply."""
