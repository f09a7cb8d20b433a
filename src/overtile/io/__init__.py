"""Files to arrays and back; the only floor that opens an image file.

====================  =========================================================================
``image``             `Image`: pixels (P, C, Y, X), and how the file's axes were understood
``read``              `read_image` and `read_labels`: PNG, JPEG, TIFF and OME-Zarr, by content
``region``            `open_image`: windows of an image that does not fit into memory
``layout``            where pages and channels lie in the array of a file
``axes``              letters of axes, checked and folded
``tiff``, ``raster``  the decoders
``zarr_array``        what Zarr arrays may be opened, and what their metadata tell
``limits``            what a file may ask for, before it is decoded
``labels``            stored values to instance ids
``pairs``             `find_images` and `match_files`: what a user means by a path
``matching``          `pair_predictions`: results of any tool with their truth
``ctc``               the same for frames of the Cell Tracking Challenge
``write``             labels and probabilities as TIFF for ImageJ
``write_region``      the same, and OME-Zarr, for what does not fit into memory
``overlay``           outlines on the image as PNG for a person
====================  =========================================================================
"""

from __future__ import annotations

from overtile.io.image import Image
from overtile.io.limits import LARGEST_IMAGE_BYTES
from overtile.io.matching import pair_predictions
from overtile.io.overlay import write_overlay
from overtile.io.pairs import (
    IMAGE_SUFFIXES,
    LABEL_SUFFIXES,
    Pair,
    Pairing,
    count_others,
    find_images,
    match_files,
    pair_files,
)
from overtile.io.read import read_image, read_labels
from overtile.io.region import RegionImage, can_open_by_region, open_image
from overtile.io.write import result_path, write_labels, write_map, write_probabilities
from overtile.io.write_region import write_by_region

__all__ = [
    "IMAGE_SUFFIXES",
    "LABEL_SUFFIXES",
    "LARGEST_IMAGE_BYTES",
    "Image",
    "Pair",
    "Pairing",
    "RegionImage",
    "can_open_by_region",
    "count_others",
    "find_images",
    "match_files",
    "open_image",
    "pair_files",
    "pair_predictions",
    "read_image",
    "read_labels",
    "result_path",
    "write_by_region",
    "write_labels",
    "write_map",
    "write_overlay",
    "write_probabilities",
]
