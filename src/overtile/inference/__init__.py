"""From images of any size to probabilities and objects."""
