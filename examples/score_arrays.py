"""Score segmentations that are arrays in memory, whatever tool made them. Loads no torch."""

from __future__ import annotations

import numpy as np
from scipy import ndimage as ndi

from overtile import score_instances, score_isbi2012
from overtile.data.synthetic import generate

_, truth = generate("membranes", (128, 128), np.random.default_rng(3))

# A segmentation with faults: every object loses its outermost pixel, small ones get lost.
eroded = np.where(ndi.grey_erosion(truth, (3, 3)) == ndi.grey_dilation(truth, (3, 3)), truth, 0)
predicted = np.where(np.bincount(truth.ravel())[truth] < 150, 0, eroded)

found = score_instances([("page 0", truth, predicted)])
print(f"{found.headline}: {found.summary[found.headline]:.3f}")
print(f"missed objects: {found.per_image[0]['false_negatives_50']}")

# A probability of being inside a cell instead of objects: blurred, as a network's would be.
probability = ndi.gaussian_filter((predicted > 0).astype(np.float32), 1.0).clip(0, 1)
errors = score_isbi2012([("page 0", truth > 0, probability)])
for name in ("rand_error", "pixel_error"):
    print(f"{name}: {errors.summary[name]:.3f}")

# Numbers of one name differ between tools; this is what these mean.
print(errors.convention)
