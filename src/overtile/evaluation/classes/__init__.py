"""Measures of class maps: how well does each class cover its own?"""
