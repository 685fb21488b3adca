"""The verbs of the embedded Argilla server where none runs: each says so, and nothing is built; secrets on demand."""

from __future__ import annotations

from pathlib import Path

import pytest

from prefmill.cli import main
from prefmill.curation.argilla_server.home import Home


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("server",), 0, "no server is running; `prefmill review up` starts one\n"),
        (("down",), 0, "no server is running\n"),
        (("users",), 0, "no users yet\n"),
        (("users", "ann"), 2, "no Argilla server has run here"),
        (("reindex",), 2, "no Argilla server has run here"),
        (("backup", "copies"), 2, "no Argilla server has run here"),
        (("key",), 2, "no Argilla server has run here; `prefmill review up` starts one"),
        (("password", "ann"), 2, "no Argilla server has run here"),
        (("up", "--host", "0.0.0.0"), 2, "others could reach the server there"),
        (("up", "--tokenizer", "trigrams"), 2, "no tokenizer 'trigrams'. Known: trigram, unicode61. Did you mean"),
        (("up", "nowhere"), 2, "nowhere"),
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


def test_people_sign_in_without_opening_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = Home(tmp_path)
    owner = {"role": "owner", "password": "password-o", "api_key": "key-o"}
    ann = {"role": "annotator", "password": "password-a", "api_key": "key-a"}
    home.write_secrets({"users": {"owner": owner, "ann": ann}})

    def said(*arguments: str) -> tuple[str, str]:
        with pytest.raises(SystemExit):
            main(["review", *arguments, "--home", str(tmp_path)])
        told = capsys.readouterr()
        return told.out, told.err

    assert said("key") == ("key-o\n", "")
    assert said("key", "ann") == ("key-a\n", "")
    assert said("password", "ann") == ("password-a\n", "")
    listed, _ = said("users")
    assert f"`prefmill review password USER --home {tmp_path}`" in listed
    assert not [secret for user in (owner, ann) for secret in (user["password"], user["api_key"]) if secret in listed]
    assert said("key", "bob") == ("", f"{home.secrets}: no user named 'bob'. Known: ann, owner.\n")
