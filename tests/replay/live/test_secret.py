"""The token's file."""

from __future__ import annotations

import stat

import pytest

from recorder.errors import UsageError
from replay.live.secret import is_same, read_secret


def test_a_secret_is_made_once_and_nobody_else_can_read_it(tmp_path) -> None:
    """256 bits, mode 0600, another one for another file, the same one the next time."""
    path = tmp_path / "deep" / "token"
    secret = read_secret(path)
    assert len(secret) >= 43
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_secret(path) == secret != read_secret(tmp_path / "other")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_secret_that_others_can_read_is_refused(tmp_path, mode) -> None:
    """A file of the wrong mode is named with the command that mends it."""
    path = tmp_path / "token"
    read_secret(path)
    path.chmod(mode)
    with pytest.raises(UsageError, match="can be read by others") as told:
        read_secret(path)
    assert told.value.hint == f"chmod 600 {path}"


@pytest.mark.parametrize("text", ["", "short", "x" * 42, "x" * 50 + "é", "two words " * 10])
def test_what_is_no_secret_is_refused(tmp_path, text) -> None:
    """Too short, or of other letters."""
    path = tmp_path / "token"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(UsageError, match="no secret of 256 bits"):
        read_secret(path)


def test_a_link_is_not_followed(tmp_path) -> None:
    """A file that stands elsewhere is not the one that was named."""
    read_secret(tmp_path / "real")
    (tmp_path / "token").symlink_to(tmp_path / "real")
    with pytest.raises(UsageError, match="cannot read"):
        read_secret(tmp_path / "token")


def test_secrets_are_compared_whole() -> None:
    """Neither a beginning nor bytes that are no text are the same."""
    assert is_same("abc", "abc")
    assert not any(is_same(given, "abc") for given in ("", "ab", "abcd", "abC", "ab\udcff"))
