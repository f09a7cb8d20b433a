"""From annotated images to a trained network."""
