"""The simulated world: tasks, answering models and teachers with known truth, behind a real HTTP endpoint.

Tasks have a latent difficulty, answering models a planted strength and verbosity, teachers a planted accuracy and
planted biases; copies of an answer that are padded, cut, reformatted or signed are known for what they are, and so are
refusals. It serves the quickstart, the tests and the benchmarks; the truth is kept out of every reply and can be
asked for in process only (`truth.py`). The model follows the pairwise setting of "Judging LLM-as-a-Judge"
(arXiv 2306.05685, sections 3.3 and 3.4: position, verbosity and self-enhancement bias); rates are planted constants of
`population.py`.
"""
