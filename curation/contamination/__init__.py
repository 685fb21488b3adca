"""Which texts hold items of an evaluation set, so that what is trained on them can still be measured by it.

    rule       when a text counts as holding an item, word by word
    runs       the words of many texts, such that every run of them has a hash
    coverage   which texts can hold enough of which items, by hashes alone
    items      an item; an index of many; what a text holds, and how much of each set was met
    files      records out of JSON Lines, JSON, CSV, Parquet and plain text
    published  evaluation sets by name: which fields of their files hold texts
    against    a recipe's entry: which file, of which set

Hashes only propose; a text is said to hold an item once their words have been compared.
"""
