"""People's review of a finished run: what to send (`plan`), out to a desk (`push`), back (`pull`), measured (`status`).

    RUN/review/plan.jsonl     the pairs to review, each with its stratum; the audit's in the order in which it was drawn
    RUN/review/handed.jsonl   which annotator sees which pair, and in which order
    RUN/review/pulled.jsonl   the reviews that came with the last pull, as `relabel` reads them
    RUN/review/gold.jsonl     what annotators said of pairs whose right answer is known; these measure annotators only
    RUN/review/desk/          what the desk `jsonl` writes for them
    RUN/review/desk.json      the Argilla server that a push named, used instead of the recipe's desk

The reviews themselves stand in `RUN/reviews.jsonl`, as they do whatever way they come (`pipelines/reviews.py`).
"""
