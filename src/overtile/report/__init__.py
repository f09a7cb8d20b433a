"""Pages that a person is glad to read: of a run, an evaluation, suggestions. HTML without network.

===================  ==========================================================================
``story``            `Story`: everything that the page of a run tells, as plain values and arrays
``page``             `render`: a story becomes HTML; ``page.html`` and ``page.css`` are its looks
``evaluation_page``  `render_evaluation`: scores and mistakes; ``evaluation.html`` is its look
``suggestions_page`` `render_suggestions`: what to annotate; ``suggestions.html`` is its look
``layout``           what the pages share; ``macros.html`` likewise
``pictures``         images, labels, weight maps and predictions as pictures with a description
``error_map``        where a prediction is wrong, in colours
``canvas``           arrays to PNG and JPEG inside the page
``curves``           scores against time and images, and how sure they are, as drawings
``score_table``      scores for a spreadsheet
``words``            names of scores, and numbers, as a person says them
===================  ==========================================================================
"""

from overtile.report.evaluation_page import Evaluation, ScoredImage, render_evaluation
from overtile.report.page import render
from overtile.report.story import Example, LearningStory, Prediction, Story, Tile
from overtile.report.suggestions_page import Suggested, SuggestedRegion, render_suggestions

__all__ = [
    "Evaluation",
    "Example",
    "LearningStory",
    "Prediction",
    "ScoredImage",
    "Story",
    "Suggested",
    "SuggestedRegion",
    "Tile",
    "render",
    "render_evaluation",
    "render_suggestions",
]
