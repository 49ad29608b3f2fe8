"""How the models that come along were made, and how to make them again."""
