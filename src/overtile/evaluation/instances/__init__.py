"""Measures of objects: was every cell found, once and whole?"""
