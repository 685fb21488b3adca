"""Even sets by dropping rows, never by repeating any.

axes    what a row is an instance of: who won, between which models, of what category
raking  how many rows of each kind stay, so that every axis has its shares
whole   the same in whole rows
lengths how many of the pairs that the longer, and the shorter, answer won stay
shares  how many rows a share of them is
"""
