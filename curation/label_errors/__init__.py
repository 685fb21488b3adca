"""Labels that are likely wrong, found by what the other labels say of pairs like theirs.

features   a pair in numbers that do not come from its own verdict
confident  confident learning: which labels contradict predictions made without them
"""
