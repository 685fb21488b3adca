"""Which GPUs may be used, as the environment and a program called `nvidia-smi` say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from prefmill.generators.hosting.devices import visible
from prefmill.schemas.errors import EndpointError

TWO = "0, GPU-aaaa-1\n1, GPU-bbbb-2\n"


@pytest.fixture(name="machine")
def _machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str | None, str | None], None]:
    """Puts a `nvidia-smi` that prints something first on the PATH, none at all for None, and sets the variable."""

    def be(said: str | None, named: str | None) -> None:
        if said is not None:
            program = tmp_path / "nvidia-smi"
            program.write_text(f"#!/bin/sh\nprintf '{said}'\n" if said else "#!/bin/sh\necho no driver; exit 9\n")
            program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin" if said is not None else str(tmp_path))
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        if named is not None:
            monkeypatch.setenv("CUDA_VISIBLE_DEVICES", named)

    return be


@pytest.mark.parametrize(
    ("said", "named", "found"),
    [
        (None, None, ()),
        (TWO, None, (0, 1)),
        (TWO, "1", (1,)),
        (TWO, "", ()),
        (TWO, "1,-1,0", (1,)),
        (None, "2,3", (2, 3)),
        (TWO, "GPU-bbbb, 0", (1, 0)),
    ],
)
def test_which_gpus(
    machine: Callable[[str | None, str | None], None], said: str | None, named: str | None, found: tuple[int, ...]
) -> None:
    machine(said, named)
    assert visible() == found


@pytest.mark.parametrize(
    ("said", "named", "wrong"),
    [
        (TWO, "GPU-cccc", "knows no GPU 'GPU-cccc'"),
        (TWO, "MIG-1234", "knows no GPU 'MIG-1234'"),
        ("", None, "nvidia-smi does not say which GPUs there are .no driver"),
        (None, "GPU-aaaa", "nvidia-smi does not say"),
    ],
)
def test_what_cannot_be_told_is_one_line(
    machine: Callable[[str | None, str | None], None], said: str | None, named: str | None, wrong: str
) -> None:
    machine(said, named)
    with pytest.raises(EndpointError, match=wrong) as told:
        visible()
    assert "\n" not in str(told.value)
