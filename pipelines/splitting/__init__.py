"""Which tasks are held out together, and what is never trained on.

    settings  the recipe's `split` block
    groups    a run's tasks into groups of near duplicates, in `split.json`; an example's place in them
    figures   what the split of an export came to, for the manifest

How much is held out is each format's matter (`test_share` and the like); that what is held out has no near duplicate
among what is trained on is the run's.
"""
