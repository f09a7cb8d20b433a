"""What people and programs do wrong with images, labels, names, recipes and options, each named.

================  ==========================================================================
``place``         three good pairs, and ways to spoil them
``files``         files that are no image, or not whole
``images``        images that cannot be trained on
``labels``        label images that cannot mean what they should
``names``         files that do not belong together, or are not where they are said to be
``odd_files``     unusual kinds of files, to be read
``odd_sets``      unusual sets and labels, to be read
``recipes``       recipes and options that cannot be
================  ==========================================================================
"""
