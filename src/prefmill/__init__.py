"""prefmill mills preference data for training LLM judges.

The command line is `prefmill`; a notebook calls the same functions: `prefmill.pipelines.run.run`,
`prefmill.pipelines.recipe.read_recipe`, `prefmill.pipelines.export.export`.
"""

__version__ = "0.1.0"
