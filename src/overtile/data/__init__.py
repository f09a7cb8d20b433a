"""Between files and network: normalised pixels, targets, weights and augmentation."""
