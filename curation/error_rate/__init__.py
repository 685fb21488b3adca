"""How often labels are wrong, read off a sample that people checked: always with an interval, never off a picked queue.

A `Sample` carries how it was drawn. The estimators take nothing else, so that rows somebody chose (the closest calls,
the disagreements) cannot pass for a sample of the whole: measured on them, the rate is that of the hard rows.
"""
