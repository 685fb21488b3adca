"""Evaluation sets by name: which fields of their files, as published, hold the texts that models are asked.

Where a set has been published in several forms (a repository's file, a CSV, the Hub's Parquet), the fields of each are
here. Sources are named with the entries; nothing is downloaded.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Published:
    """What the files of an evaluation set look like."""

    source: str
    """Data set on the Hub (`owner/name`), or repository and path."""
    texts: tuple[tuple[str, ...], ...]
    """Alternatives, of which the first whose first field is there counts; fields of one are parts of one text."""
    id: tuple[str, ...] = ()
    """Alternatives for the field that holds an item's id; without one it is named by its line."""
    choices: tuple[str, ...] = ()
    """Fields with the answers to choose from: one list, or a field each. A question that is too short for 8-grams
    (`Which of the following is true?`) means nothing without them, so they are added as `A`, `B`, … then."""
    columns: tuple[str, ...] = ()
    """What the cells of its CSV files are, where these have no header."""
    files: tuple[str, ...] = ()
    """Patterns of its files within a folder, where other files lie beside them."""


SETS: dict[str, Published] = {
    # Judges and chat.
    "mt_bench": Published(
        "lm-sys/FastChat: fastchat/llm_judge/data/mt_bench/question.jsonl; HuggingFaceH4/mt_bench_prompts",
        (("turns",), ("prompt",)), ("question_id", "prompt_id"), files=("**/question.jsonl", "**/*.parquet"),
    ),
    "vicuna": Published(
        "lm-sys/FastChat: fastchat/llm_judge/data/vicuna_bench/question.jsonl; lm-sys/vicuna-blog-eval",
        (("turns",), ("text",)), ("question_id",), files=("**/question.jsonl",),
    ),
    "alpaca_eval": Published("tatsu-lab/alpaca_eval: alpaca_eval.json", (("instruction",),), ("id",)),
    "arena_hard": Published(
        "lmarena-ai/arena-hard-auto: data/arena-hard-v0.1/question.jsonl, data/arena-hard-v2.0/question.jsonl",
        (("turns",), ("prompt",)), ("uid", "question_id"), files=("**/question.jsonl", "**/*.parquet"),
    ),
    "reward_bench": Published("allenai/reward-bench: data/", (("prompt",),), ("id",)),
    "reward_bench_2": Published("allenai/reward-bench-2: data/", (("prompt",),), ("id",)),
    "judge_bench": Published("ScalerLab/JudgeBench: data/", (("question",),), ("pair_id",)),
    "rm_bench": Published("THU-KEG/RM-Bench: total_dataset.json", (("prompt",),), ("id",)),
    "pandalm": Published("WeOpenML/PandaLM: data/testset-v1.json", (("instruction", "input"),), ("idx",)),
    "flask": Published("kaistAI/FLASK: evaluation_set/flask_evaluation.jsonl", (("text",),), ("question_id", "idx")),
    "feedback_bench": Published("prometheus-eval/Feedback-Bench: data/", (("orig_instruction",),)),
    "judgelm": Published("BAAI/JudgeLM-100K: judgelm_val_5k.jsonl", (("question_body",),), ("question_id",)),
    "llmbar": Published("princeton-nlp/LLMBar: Dataset/", (("input",),), files=("**/dataset.json",)),
    # What models know and can do.
    "mmlu": Published(
        "cais/mmlu; hendrycks/test: data.tar", (("question",),), choices=("choices", "A", "B", "C", "D"),
        columns=("question", "A", "B", "C", "D", "answer"),
    ),
    "mmlu_pro": Published("TIGER-Lab/MMLU-Pro: data/", (("question",),), ("question_id",), choices=("options",)),
    "gsm8k": Published("openai/gsm8k; openai/grade-school-math: grade_school_math/data/test.jsonl", (("question",),)),
    "math": Published("hendrycks/math: MATH.tar; HuggingFaceH4/MATH-500", (("problem",),), ("unique_id",)),
    "humaneval": Published("openai/openai_humaneval; openai/human-eval: data/HumanEval.jsonl.gz", (("prompt",),),
                           ("task_id",)),
    "mbpp": Published("google-research-datasets/mbpp; google-research/google-research: mbpp/mbpp.jsonl",
                      (("text",), ("prompt",)), ("task_id",)),
    "ifeval": Published("google/IFEval: ifeval_input_data.jsonl", (("prompt",),), ("key",)),
    "gpqa": Published("Idavidrein/gpqa: gpqa_main.csv", (("Question",),), ("Record ID",)),
    "truthfulqa": Published("truthfulqa/truthful_qa; sylinrl/TruthfulQA: TruthfulQA.csv",
                            (("question",), ("Question",))),
}  # fmt: skip
ANY = Published(
    "", (("instruction", "input"), ("prompt",), ("question",), ("problem",), ("query",), ("turns",), ("messages",),
         ("conversations",), ("text",)),
    ("id", "question_id", "prompt_id", "task_id", "uid", "idx", "key"),
)  # fmt: skip
"""Fields that are looked for in a file of no named set."""
