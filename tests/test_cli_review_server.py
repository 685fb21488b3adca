"""The verbs of the embedded Argilla server where none runs: each says so, and nothing is built."""

from __future__ import annotations

from pathlib import Path

import pytest

from prefmill.cli import main


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("server",), 0, "no server is running; `prefmill review up` starts one\n"),
        (("down",), 0, "no server is running\n"),
        (("users",), 0, "no users yet\n"),
        (("users", "ann"), 2, "no Argilla server has run here"),
        (("reindex",), 2, "no Argilla server has run here"),
        (("backup", "copies"), 2, "no Argilla server has run here"),
        (("up", "--host", "0.0.0.0"), 2, "others could reach the server there"),
    ],
)
def test_without_a_server_it_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], code: int, said: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["review", *arguments, "--home", str(tmp_path / "home")])
    assert ended.value.code == code
    told = capsys.readouterr()
    assert said in told.out + told.err
    assert (told.out + told.err).count("\n") == 1
    assert not (tmp_path / "home").exists()
