"""How far judges and people agree: coefficients corrected for chance, each with an interval over tasks.

Every coefficient here is `1 - observed / expected disagreement`, and both are functions of sums over tasks. So a
resample of the tasks is one row of weights times one table, and an interval costs little more than the value. That is
why the coefficients are written here: scikit-learn and krippendorff give the same values (the tests compare them) but
no intervals, and would have to be called once a resample.
"""
