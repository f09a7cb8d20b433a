"""One page per training run that a person is glad to read: a single HTML file without network.

============  =================================================================================
``story``     `Story`: everything that the page tells, as plain values and arrays
``page``      `render`: a story becomes HTML; ``page.html`` and ``page.css`` are its looks
``pictures``  images, labels, weight maps and predictions as pictures with a description
``canvas``    arrays to PNG and JPEG inside the page, and the colours used
``curves``    training and validation against time, as drawings inside the page
``words``     names of scores, and numbers, as a person says them
============  =================================================================================
"""

from overtile.report.page import render
from overtile.report.story import Example, Prediction, Story, Tile

__all__ = ["Example", "Prediction", "Story", "Tile", "render"]
