"""Where a user's files, arrays and networks meet: one file for each thing a person does.

===================  ===================================================================
``annotated``        images and labels read, paired, understood; what all others start from
``check``            the faults of a training set
``train``            a run folder with a trained model
``predict``          labels, probabilities and overlays for images of any size
``evaluate``         scores of a prediction against the truth
``evaluation_page``  the page that shows where a prediction is wrong
``report``           the page that tells a run
``demo``             all of it on generated data
===================  ===================================================================

The command line is a thin adapter over these; a script calls them directly.
"""
