"""Batch mode of a provider: OpenAI's files and batches protocol, for calls that may take a day and cost half.

https://platform.openai.com/docs/guides/batch: a file of requests is uploaded and a batch is made of it; when the batch
has ended, its output file and its error file hold one line for each request. `connection.py` is what the calls of a run
see; `record.py` is what of a batch lies in the run directory, so that a restart finds it and submits nothing twice.
"""
