"""Tokens of senders: shown once, kept as digests, withdrawn at once."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from monitor.store.home import Home
from monitor.store.tokens import ACCESS_NAME, TokenStore


def test_a_token_is_found_by_its_text_alone(tmp_path: Path) -> None:
    store = TokenStore(Home(tmp_path))
    assert store.all() == []
    assert store.find("cm_x_y") is None
    text = store.create("registry", (), "officer")
    found = store.find(text)
    assert found is not None
    assert (found.name, found.made_by, found.withdrawn_at) == ("registry", "officer", None)
    other = store.create("court", (), "officer")
    prefix, token_id, _ = other.split("_", 2)
    for wrong in (
        text[:-1],
        text + "x",
        "",
        "cm",
        f"{prefix}_{token_id}_{text.split('_', 2)[2]}",
        "cm_" + "\udce9" + "_x",
        "cm_' OR 1=1_x",
        text.replace("cm_", "xx_"),
    ):
        assert store.find(wrong) is None, wrong
    store.close()


def test_the_secret_stands_nowhere_and_only_the_owner_may_read(tmp_path: Path) -> None:
    store = TokenStore(Home(tmp_path / "home"))
    secret = store.create("registry", (), "officer").split("_", 2)[2]
    store.close()
    for file in (tmp_path / "home").rglob("*"):
        if file.is_file():
            assert secret.encode() not in file.read_bytes()
    assert stat.S_IMODE((tmp_path / "home" / ACCESS_NAME).stat().st_mode) == 0o600


def test_a_withdrawn_token_is_good_for_nothing(tmp_path: Path) -> None:
    store = TokenStore(Home(tmp_path))
    text = store.create("registry", (), "officer")
    (token,) = store.all()
    assert store.find(text) == token, "read once, before it is withdrawn"
    another_process = TokenStore(Home(tmp_path))
    assert another_process.withdraw(token.id)
    assert store.find(text) is None
    assert not store.withdraw(token.id)
    assert not store.withdraw("none")
    (kept,) = store.all()
    assert kept.withdrawn_at is not None


@pytest.mark.parametrize(
    ("sources", "source", "may"),
    [
        ((), "//anything", True),
        (("//registry",), "//registry", True),
        (("//registry",), "//registry/x", False),
        (("//registry/*", "//court"), "//registry/x", True),
        (("//registry/*", "//court"), "//court", True),
        (("//registry/*", "//court"), "//registry", False),
        (("*",), "", True),
    ],
)
def test_a_token_speaks_for_its_sources(tmp_path: Path, sources: tuple[str, ...], source: str, may: bool) -> None:
    store = TokenStore(Home(tmp_path))
    found = store.find(store.create("one", sources, "officer"))
    assert found is not None
    assert found.speaks_for(source) is may


def test_a_token_is_good_at_once_and_only_in_the_file_that_is_there(tmp_path: Path) -> None:
    store, operator = TokenStore(Home(tmp_path)), TokenStore(Home(tmp_path))
    assert store.find("cm_x_y") is None, "no file is there yet"
    old = operator.create("registry", (), "officer")
    assert store.find(old) is not None
    new = operator.create("court", (), "officer")
    assert store.find(new) is not None
    operator.close()
    for file in tmp_path.glob(f"{ACCESS_NAME}*"):
        file.unlink()
    assert store.find(new) is None
    another = TokenStore(Home(tmp_path)).create("tax", (), "officer")
    assert store.find(another) is not None
    assert store.find(old) is None
    store.close()
