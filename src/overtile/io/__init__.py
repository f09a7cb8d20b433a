"""Files to arrays and back; the only floor that opens an image file.

====================  =========================================================================
``image``             `Image`: pixels (P, C, Y, X), and how the file's axes were understood
``read``              `read_image` and `read_labels`: PNG, JPEG and TIFF, by content
``axes``              letters of axes, checked and folded
``tiff``, ``raster``  the decoders
``limits``            what a file may ask for, before it is decoded
``labels``            stored values to instance ids
``pairs``             `find_images` and `match_files`: what a user means by a path
``matching``          `pair_predictions`: results of any tool with their truth
``ctc``               the same for frames of the Cell Tracking Challenge
``write``             labels and probabilities as TIFF for ImageJ
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
from overtile.io.write import result_path, write_foreground, write_labels, write_probabilities

__all__ = [
    "IMAGE_SUFFIXES",
    "LABEL_SUFFIXES",
    "LARGEST_IMAGE_BYTES",
    "Image",
    "Pair",
    "Pairing",
    "count_others",
    "find_images",
    "match_files",
    "pair_files",
    "pair_predictions",
    "read_image",
    "read_labels",
    "result_path",
    "write_foreground",
    "write_labels",
    "write_overlay",
    "write_probabilities",
]
