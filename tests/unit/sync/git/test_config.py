import base64
import re
from typing import Any

import pytest

from engine.sync.git.address import parse
from engine.sync.git.config import GitAuth, GitConfig, GitLimits
from engine.sync.git.errors import GitConfigError
from engine.sync.source import Policy

KEY = base64.b64encode(b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + b"k" * 32).decode()
HOSTS = f"# ours\nhost ssh-ed25519 {KEY} remark\n"


def config(**fields: Any) -> GitConfig:
    return GitConfig(**{"name": "main", "url": "https://host/team/repository.git", **fields})


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("https://host/a.git", ("https", "", "host", None, "/a.git")),
        ("https://me@host:8443/a", ("https", "me", "host", 8443, "/a")),
        ("ssh://git@host:2222/a.git", ("ssh", "git", "host", 2222, "/a.git")),
        ("git@host:team/a.git", ("ssh", "git", "host", None, "team/a.git")),
        ("host:/srv/a.git", ("ssh", "", "host", None, "/srv/a.git")),
        ("file:///srv/a.git", ("file", "", "", None, "/srv/a.git")),
    ],
)
def test_addresses(url: str, parts: tuple[Any, ...]) -> None:
    address = parse(url)
    assert (address.scheme, address.user, address.host, address.port, address.path) == parts


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "no address"),
        ("repository", "no address"),
        ("ftp://host/a", "ftp:// is not understood"),
        ("https://me:hunter2@host/a", "the URL holds a password"),
        ("https://host/a?b=c", "no '?'"),
        ("https://host", "names no host and path"),
        ("https:///a", "names no host and path"),
        ("file://host/a", "names no folder"),
        ("https://host:x/a", "cannot be read"),
        ("https://host/a\nb", "no address"),
        ("ssh://-oProxyCommand=x/a", "is no host"),
    ],
)
def test_what_is_no_address_says_so_and_shows_no_password(url: str, said: str) -> None:
    with pytest.raises(GitConfigError, match=re.escape(said)) as caught:
        parse(url)
    assert caught.value.field == "url"
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_loopback(host: str) -> None:
    assert parse(f"http://{host}:80/a").loopback


@pytest.mark.parametrize(
    ("fields", "field", "said"),
    [
        ({"name": ""}, "name", "1 to 100"),
        ({"branch": "main", "tag": "v1"}, "tag", "there is 'branch' already"),
        ({"branch": "a b"}, "branch", "cannot be the name of a branch"),
        ({"branch": "refs/heads/main"}, "branch", "as in 'main'"),
        ({"commit": "abc"}, "commit", "40 hexadecimal digits"),
        ({"semver": "latest"}, "semver", "is no comparator"),
        ({"path": "../up"}, "path", "no folder of a repository"),
        ({"path": "/abs"}, "path", "no folder of a repository"),
        ({"include": ("ok", "[a")}, "include[1]", "has no ']'"),
        ({"interval_seconds": 0.1}, "interval_seconds", "1 to 86,400"),
        ({"timeout_seconds": 0}, "timeout_seconds", "more than 0"),
        ({"silence_seconds": float("nan")}, "silence_seconds", "more than 0"),
        ({"url": "git@host:a"}, "auth.ssh_key_secret", "an ssh URL needs"),
        ({"url": "git@host:a", "auth": GitAuth(ssh_key_secret="K")}, "auth.known_hosts", "ssh-keyscan host"),
        ({"url": "git@host:a", "auth": GitAuth(token_secret="T")}, "auth", "tokens and passwords are for https"),
        ({"auth": GitAuth(ssh_key_secret="K")}, "auth.ssh_key_secret", "needs an ssh URL"),
        ({"url": "http://host/a", "auth": GitAuth(token_secret="T")}, "auth", "over plain http"),
        ({"url": "file:///a", "auth": GitAuth(token_secret="T")}, "auth", "takes no credentials"),
    ],
)
def test_what_cannot_be_names_its_field(fields: dict[str, Any], field: str, said: str) -> None:
    with pytest.raises(GitConfigError, match=re.escape(said)) as caught:
        config(**fields)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"token_secret": "ghp_realtoken"}, "auth.token_secret"),
        ({"token_secret": "T", "ssh_key_secret": "K"}, "auth"),
        ({"password_secret": "P"}, "auth.username"),
        ({"password_secret": "P", "username": "a:b"}, "auth.username"),
        ({"ssh_passphrase_secret": "P"}, "auth.ssh_passphrase_secret"),
        ({"token_seconds": 0}, "auth.token_seconds"),
        ({"known_hosts": "# nothing"}, "auth.known_hosts"),
        ({"known_hosts": "host ssh-ed25519 AAAA"}, "auth.known_hosts"),
        ({"known_hosts": f"@cert-authority *.host ssh-ed25519 {KEY}"}, "auth.known_hosts"),
    ],
)
def test_credentials_that_cannot_be_name_their_field_and_show_no_value(fields: dict[str, Any], field: str) -> None:
    with pytest.raises(GitConfigError) as caught:
        GitAuth(**fields)
    assert caught.value.field == field
    assert "realtoken" not in str(caught.value)


def test_a_limit_is_at_least_one() -> None:
    with pytest.raises(GitConfigError) as caught:
        GitLimits(files_max=0)
    assert caught.value.field == "limits.files_max"


def test_a_git_source_is_atomic_unless_told() -> None:
    assert config().rules.policy is Policy.ATOMIC


def test_what_is_shown_holds_no_credentials() -> None:
    auth = GitAuth(ssh_key_secret="DEPLOY_KEY", known_hosts=HOSTS)
    shown = config(url="git@host:a.git", tag="v1", path="flows", auth=auth).shown()
    assert shown["tag"] == "v1"
    assert "branch" not in shown
    assert "DEPLOY_KEY" not in str(shown)


def test_credentials_go_over_plain_http_to_this_machine_or_where_it_is_wanted() -> None:
    config(url="http://127.0.0.1:3000/a", auth=GitAuth(token_secret="T"))
    config(url="http://host/a", auth=GitAuth(token_secret="T", plain_http=True))
