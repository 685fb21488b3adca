"""Which GPUs may be used, as the environment and a program called `nvidia-smi` say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from prefmill.generators.hosting.devices import environment_for, placed, visible
from prefmill.generators.providers.vllm import VLLM
from prefmill.schemas.errors import EndpointError

TWO = "0, GPU-aaaa-1, 1000, 900, 570.86, NVIDIA H200\n1, GPU-bbbb-2, [N/A], [N/A], 570.86, NVIDIA GB10\n"
BUS = {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"}


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
        monkeypatch.delenv("CUDA_DEVICE_ORDER", raising=False)
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


@pytest.mark.parametrize(
    ("named", "ordered", "variables"),
    [
        (None, {}, {"CUDA_VISIBLE_DEVICES": "0,1", **BUS}),
        ("GPU-bbbb", {}, {"CUDA_VISIBLE_DEVICES": "1", **BUS}),
        ("1,0", {}, {"CUDA_VISIBLE_DEVICES": "1,0"}),
        ("1,-1", {}, {"CUDA_VISIBLE_DEVICES": "1"}),
        ("1", {"CUDA_DEVICE_ORDER": "FASTEST_FIRST"}, {"CUDA_VISIBLE_DEVICES": "1"}),
        ("1", BUS, {"CUDA_VISIBLE_DEVICES": "1", **BUS}),
        ("", {}, {}),
    ],
)
def test_the_numbers_of_nvidia_smi_are_counted_as_it_counts(
    machine: Callable[[str | None, str | None], None],
    monkeypatch: pytest.MonkeyPatch,
    named: str | None,
    ordered: dict[str, str],
    variables: dict[str, str],
) -> None:
    """CUDA itself counts from the fastest GPU, so that a number alone may be another GPU."""
    machine(TWO, named)
    for name, value in ordered.items():
        monkeypatch.setenv(name, value)
    assert environment_for(visible()) == variables


@pytest.mark.parametrize(
    ("shares", "places"),
    [
        ((0.45, 0.45), [(0,), (0,)]),
        ((0.5, 0.45), [(0,), (0,)]),
        ((0.5, 0.5), None),
        ((0.97,), [(0,)]),
        ((0.97, 0.01), None),
        ((0.3, 0.3, 0.3), [(0,), (0,), (0,)]),
    ],
)
def test_shares_leave_room_for_what_lies_outside_them(
    shares: tuple[float, ...], places: list[tuple[int, ...]] | None
) -> None:
    models = [VLLM(model=f"m{n}", gpu_memory_utilization=share) for n, share in enumerate(shares)]
    assert placed(models, (0,)) == places
    assert placed(models, ()) == (None if places is None else [() for _ in places])
