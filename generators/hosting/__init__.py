"""Models that prefmill loads itself: vLLM in a process of its own, or a vLLM server that a run starts and stops.

An `Engine` is one loaded model; entries of a recipe that differ in sampling, name or adapter only share one. The
`Pool` has the engines of a run: it loads each when it is first asked, and only where it fits beside those that are
loaded. Which may be loaded at a time is decided by who runs the passes (`pipelines/passes.py`).
"""
