"""The order of work: recipe, engine, stages, run, export."""
