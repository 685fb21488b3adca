"""Authoring: rubrics, instructions and reference answers that models write, and answers that aim at a score.

The recipe of the Feedback-Collection (Prometheus, arXiv 2310.08491, section 3): new rubrics are brainstormed from four
seed rubrics each and paraphrased; instructions are written for every rubric and a reference answer for every
instruction; then one answer for every score. The prompts are our own; each stands beside its parser, without I/O.
What differs from the paper: an answer only *aims* at its score and an independent judge has to agree
(`curation/filters/intended_score.py`), and what is short of the grid is told (`grid.py`).

`author.py` is the one file that makes calls.
"""
