"""A world to report on: conversations of the sample shop that never took place, from a seed."""
