"""The log of a model in distilabel's pipelines stays as long as an error may name it. No vLLM, a program like it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [
    # Of distilabel's own.
    pytest.mark.filterwarnings("ignore::pydantic.warnings.UnsupportedFieldAttributeWarning"),
    pytest.mark.filterwarnings("ignore:Importing from:DeprecationWarning"),
]
SCRIPT = """
import sys
from prefmill.generators.distilabel_llm import VLLM
llm = VLLM(model=sys.argv[1], settings={"python": sys.argv[2]})
try:
    llm.load()
    print("folder:", llm._logs)
    llm.generate(inputs=[[{"role": "user", "content": sys.argv[3]}]])
except Exception as error:
    print("error:", error)
llm.unload()
"""


def ended(folder: Path, model: str, question: str) -> str:
    """What a process says that loads a model, asks it, and ends."""
    python, temporary = folder / "python", folder / "temporary"
    temporary.mkdir()
    python.write_text(f'#!/bin/sh\nexec {sys.executable} -I -S {Path(__file__).with_name("fake_offline.py")} "$@"\n')
    python.chmod(0o755)
    command = [sys.executable, "-c", SCRIPT, model, str(python), question]
    environment = {"CUDA_VISIBLE_DEVICES": "", "TMPDIR": str(temporary), "PATH": "/usr/bin:/bin", "HOME": str(folder)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("model", "question", "said"), [("org/memory", "Hm?", "No available memory"), ("org/m", "die", "has ended")]
)
def test_a_log_that_an_error_names_outlives_the_process(tmp_path: Path, model: str, question: str, said: str) -> None:
    told = ended(tmp_path, model, question)
    assert said in told
    (log,) = re.findall(r"log: ([^)\s]+)\)", told)
    assert Path(log).is_file()
    shutil.rmtree(Path(log).parent)


def test_after_a_model_that_was_well_nothing_is_left(tmp_path: Path) -> None:
    told = ended(tmp_path, "org/m", "Hm?")
    assert "error:" not in told
    (folder,) = re.findall(r"folder: (\S+)", told)
    assert folder.startswith(str(tmp_path))
    assert not Path(folder).exists()
