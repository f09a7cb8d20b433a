"""The network, its geometry and its file."""
