"""Which texts say the same: exact sets of word n-grams, and an exact join of the pairs that are alike.

    words     what a word is, for counting: folded, without punctuation
    shingles  a text as a set of hashed word n-grams
    sets      many such sets, in a temporary file
    rarity    how many texts have an n-gram
    prefixes  which pairs can be alike at all (prefix filter)
    overlaps  what they have in common, counted
    kept      clusters, and which text of a cluster stays
    near      all of it together: near duplicates and clusters of many texts, the likeness of two
    bags      vectors of texts without a model
    cosine    texts whose vectors are alike
    of_tasks  what of a task is compared, and which of two stays

Pairs are found by prefix filtering (Chaudhuri, Ganti and Kaushik, ICDE 2006; Bayardo, Ma and Srikant, WWW 2007; Xiao et
al., PPJoin, WWW 2008), not by MinHash: of the n-grams of two texts with a Jaccard index of at least 0.7 one of the
rarest three in ten is common to both. That loses no pair and needs no seed, and for prompts it costs less than the 128
permutations of rensa or datasketch (`benchmarks/curation.py`). Where more than 64 texts share a rare n-gram, as those
of one template do, some of their pairs are left out, and counted.
"""
