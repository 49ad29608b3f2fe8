"""How good the models are, measured on what they never saw, with intervals."""
