"""The measures of the ISBI 2012 challenge: is every membrane where it should be?"""
