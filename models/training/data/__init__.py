"""What the models are trained on: readers of the gathered sets, and what kefu makes itself."""
