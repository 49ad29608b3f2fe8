"""What a model can learn from a business's own log and help pages, and whether it did."""
