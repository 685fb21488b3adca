"""What a text holds, found without a model: code, languages, repetitions, personal data, keys. No rows, no I/O.

Texts come from models and strangers: each function takes time in proportion to the text, whatever stands in it.
"""
