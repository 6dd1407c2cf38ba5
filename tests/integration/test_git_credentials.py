"""How a git source shows who it is: to the right server only, and to nobody else, not in files nor in words."""

import base64
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import HTTPServer
from pathlib import Path

import pytest

from engine.sync.git.config import GitAuth
from tests.integration.git_play import contents, make_source, polled, refusal, ssh_auth, unique
from tests.services.git import Repository
from tests.services.git_http import GitHttp
from tests.services.git_http import serving as serving_http
from tests.services.git_ssh import PASSPHRASE, GitSsh

TOKEN = "tok-3f9a6c"
BY_TOKEN = GitAuth(token_secret="TOKEN")


@pytest.fixture
def repository(git_http: GitHttp) -> Repository:
    repository = git_http.new(unique())
    repository.commit({"a.yaml": "one"})
    git_http.accounts = {"x-access-token": TOKEN, "ada": "engine"}
    return repository


@pytest.fixture
def url(git_http: GitHttp, repository: Repository) -> str:
    return git_http.url(repository.path.stem)


@pytest.mark.parametrize(
    ("auth", "secrets"),
    [
        (GitAuth(token_secret="TOKEN"), {"TOKEN": f"{TOKEN}\n"}),
        (GitAuth(token_secret="TOKEN", username="ada"), {"TOKEN": "engine"}),
        (GitAuth(username="ada", password_secret="PASSWORD"), {"PASSWORD": "engine"}),
    ],
)
def test_a_token_or_a_password(url: str, tmp_path: Path, auth: GitAuth, secrets: dict[str, str]) -> None:
    assert contents(polled(make_source(url, tmp_path, secrets, auth=auth))) == {"a.yaml": "one"}


def test_credentials_are_nowhere_but_on_the_wire(
    git_http: GitHttp, url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    source = make_source(url, tmp_path, {"TOKEN": TOKEN}, auth=BY_TOKEN)
    polled(source)
    git_http.accounts = {"x-access-token": "another"}
    said = str(refusal(source))
    encoded = base64.b64encode(f"x-access-token:{TOKEN}".encode()).decode()
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    for text in (TOKEN, encoded):
        assert text not in said
        assert text not in caplog.text
        assert text.encode() not in kept
        assert text not in str(source.config)
        assert text not in repr(source.settings)


@pytest.mark.parametrize(
    ("auth", "said"),
    [(GitAuth(), "wants credentials"), (BY_TOKEN, "refused the credentials")],
)
def test_wrong_credentials_are_shown_once(
    git_http: GitHttp, url: str, tmp_path: Path, auth: GitAuth, said: str
) -> None:
    source = make_source(url, tmp_path, {"TOKEN": "wrong"}, auth=auth)
    error = refusal(source)
    assert error.reason == "auth_failed"
    assert said in str(error)
    assert "check the secrets" in str(error)
    assert sum(1 for item in git_http.requests if item.authorization) == (1 if auth.token_secret else 0)


def test_access_that_is_revoked_and_given_again(git_http: GitHttp, url: str, tmp_path: Path) -> None:
    source = make_source(url, tmp_path, {"TOKEN": TOKEN}, auth=BY_TOKEN)
    first = polled(source)
    accounts, git_http.accounts = git_http.accounts, {"somebody": "else"}
    assert refusal(source).reason == "auth_failed"
    git_http.accounts, git_http.status = accounts, 403
    assert refusal(source).reason == "auth_failed"
    git_http.status = 0
    assert polled(source).version == first.version


def test_a_secret_that_is_not_there_says_which(url: str, tmp_path: Path) -> None:
    error = refusal(make_source(url, tmp_path, {}, auth=BY_TOKEN))
    assert (error.reason, str(error)) == ("secret", "auth.token_secret: TOKEN")


def test_a_redirect_elsewhere_gets_no_credentials(git_http: GitHttp, url: str, tmp_path: Path) -> None:
    with serving_http(tmp_path / "elsewhere") as other:
        other.new(url.rpartition("/")[2].removesuffix(".git")).commit({"a.yaml": "not ours"})
        other.accounts = git_http.accounts
        for host in ("localhost", "127.0.0.1"):
            git_http.redirect = f"http://{host}:{other.port}"
            error = refusal(make_source(url, tmp_path / host, {"TOKEN": TOKEN}, auth=BY_TOKEN))
            assert error.reason == "redirected"
            assert "new address into 'url'" in str(error)
        assert not any(item.authorization for item in other.requests)


def test_a_redirect_within_the_server_is_followed(git_http: GitHttp, url: str, tmp_path: Path) -> None:
    source = make_source(git_http.url("old"), tmp_path, {"TOKEN": TOKEN}, auth=BY_TOKEN)
    git_http.moved = {"/old.git": f"/{url.rpartition('/')[2]}"}
    assert contents(polled(source)) == {"a.yaml": "one"}


class Command:
    """A token command whose output lies in a file, and which counts how often it ran."""

    def __init__(self, directory: Path) -> None:
        self.output, self._runs, self._seen = directory / "output", directory / "runs", directory / "environ"
        program = (
            "import os,sys; d=sys.argv[1]; open(d+'/runs','a').write('x'); "
            "open(d+'/environ','w').write(' '.join(sorted(os.environ))); sys.stdout.write(open(d+'/output').read())"
        )
        self.argv = (sys.executable, "-I", "-c", program, str(directory))

    @property
    def runs(self) -> int:
        return len(self._runs.read_text()) if self._runs.exists() else 0

    @property
    def environ(self) -> set[str]:
        return set(self._seen.read_text().split())


@pytest.fixture
def command(tmp_path: Path) -> Command:
    (tmp_path / "command").mkdir()
    return Command(tmp_path / "command")


def test_a_token_command_runs_when_its_token_is_used_up(
    url: str, tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHRONOVERSE_SECRET_KEY", "not for programs")
    now = [1_000_000.0]
    source = make_source(url, tmp_path, auth=GitAuth(token_command=command.argv, token_seconds=300))
    source._fetcher._credentials._command._now = lambda: now[0]
    command.output.write_text(f"{TOKEN}\n")
    polled(source)
    polled(source)
    assert command.runs == 1
    assert "CHRONOVERSE_SECRET_KEY" not in command.environ
    assert "CHRONOVERSE_GIT_URL" in command.environ
    now[0] += 301
    command.output.write_text(f'{{"token": "{TOKEN}", "expires_at": "1970-01-12T14:46:40Z", "more": 1}}')
    polled(source)
    now[0] = 1_003_600 - 61
    polled(source)
    assert command.runs == 2
    now[0] = 1_003_600 - 59
    polled(source)
    assert command.runs == 3


def test_a_token_that_is_refused_is_asked_for_anew_once(
    git_http: GitHttp, url: str, tmp_path: Path, command: Command
) -> None:
    source = make_source(url, tmp_path, auth=GitAuth(token_command=command.argv))
    command.output.write_text(TOKEN)
    polled(source)
    git_http.accounts = {"x-access-token": "rotated"}
    command.output.write_text("rotated")
    polled(source)
    assert command.runs == 2
    command.output.write_text("wrong")
    git_http.accounts = {"x-access-token": "once more"}
    assert refusal(source).reason == "auth_failed"
    assert command.runs == 3
    assert refusal(source).reason == "auth_failed"
    assert command.runs == 4, "a new one is refused for good"


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("/nonexistent/program",), "cannot be started: No such file"),
        ((sys.executable, "-I", "-c", "import sys; print('tok-secret'); sys.exit(3)"), "it ended with 3"),
        ((sys.executable, "-I", "-c", "import time; print('tok-secret', flush=True); time.sleep(60)"), "more than 1 s"),
        ((sys.executable, "-I", "-c", "print('tok-secret two')"), "no token"),
        ((sys.executable, "-I", "-c", "print('{tok-secret')"), "no JSON"),
        ((sys.executable, "-I", "-c", ""), "no token"),
    ],
)
def test_a_token_command_that_fails_shows_no_output(url: str, tmp_path: Path, argv: tuple[str, ...], said: str) -> None:
    auth = GitAuth(token_command=argv, token_command_seconds_max=1 if "more than" in said else 30)
    error = refusal(make_source(url, tmp_path, auth=auth))
    assert error.reason == "secret"
    assert said in str(error)
    assert "tok-secret" not in str(error)


def test_a_key_behind_a_passphrase(git_ssh: GitSsh, tmp_path: Path) -> None:
    repository = git_ssh.new(unique())
    repository.commit({"a.yaml": "one"})
    auth, url = ssh_auth(git_ssh, ssh_passphrase_secret="WORD"), git_ssh.url(repository.path.stem)
    source = make_source(url, tmp_path / "good", {"KEY": git_ssh.locked_key, "WORD": PASSPHRASE}, auth=auth)
    assert contents(polled(source)) == {"a.yaml": "one"}
    source = make_source(url, tmp_path / "bad", {"KEY": git_ssh.locked_key, "WORD": "wrong"}, auth=auth)
    assert refusal(source).reason == "auth_failed"


@pytest.mark.parametrize("which", ["a stranger's", "none at all", "with Windows line ends"])
def test_keys(git_ssh: GitSsh, tmp_path: Path, which: str) -> None:
    repository = git_ssh.new(unique())
    repository.commit({"a.yaml": "one"})
    keys = {
        "a stranger's": git_ssh.stranger,
        "none at all": "x",
        "with Windows line ends": git_ssh.key.replace("\n", "\r\n"),
    }
    source = make_source(git_ssh.url(repository.path.stem), tmp_path, {"KEY": keys[which]}, auth=ssh_auth(git_ssh))
    if which == "with Windows line ends":
        polled(source)
    else:
        error = refusal(source)
        assert error.reason == "auth_failed"
        assert "PRIVATE" not in str(error)


def other_host_key(directory: Path, port: int) -> str:
    directory.mkdir()
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(directory / "k")]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True)
    return f"[127.0.0.1]:{port} {(directory / 'k.pub').read_text()}"


@pytest.mark.parametrize("which", ["another key", "another host"])
def test_a_host_key_that_is_not_known_ends_it_before_the_login(git_ssh: GitSsh, tmp_path: Path, which: str) -> None:
    repository = git_ssh.new(unique())
    repository.commit({"a.yaml": "one"})
    hosts = {
        "another key": other_host_key(tmp_path / "keys", git_ssh.port),
        "another host": git_ssh.known_hosts.replace("127.0.0.1", "127.0.0.2"),
    }
    auth = ssh_auth(git_ssh, known_hosts=hosts[which])
    source = make_source(git_ssh.url(repository.path.stem), tmp_path / "state", {"KEY": git_ssh.key}, auth=auth)
    error = refusal(source)
    assert error.reason == "host_key"
    assert "ssh-keyscan" in str(error)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate of a server on loopback that nobody vouches for but itself."""
    home = tmp_path_factory.mktemp("tls")
    words = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1"
    files = ["-keyout", str(home / "key.pem"), "-out", str(home / "cert.pem")]
    subprocess.run(["openssl", *words.split(), *files], check=True, capture_output=True)
    return home


@pytest.fixture
def tls(git_http_server: GitHttp, certificate: Path) -> Iterator[str]:
    """The address of the same server behind TLS."""
    from tests.services.git_http import handler_of

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    server = handler_of(git_http_server)
    assert isinstance(server, HTTPServer)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield f"https://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join(30)


def test_tls_with_a_ca_of_our_own(tls: str, repository: Repository, certificate: Path, tmp_path: Path) -> None:
    url = f"{tls}/{repository.path.name}"
    trusted = GitAuth(token_secret="TOKEN", ca_file=certificate / "cert.pem")
    source = make_source(url, tmp_path / "trusted", {"TOKEN": TOKEN}, auth=trusted)
    assert contents(polled(source)) == {"a.yaml": "one"}
    error = refusal(make_source(url, tmp_path / "not", {"TOKEN": TOKEN}, auth=BY_TOKEN))
    assert error.reason == "tls"
    assert "auth.ca_file" in str(error)
    missing = GitAuth(ca_file=tmp_path / "missing.pem")
    assert refusal(make_source(url, tmp_path / "missing", auth=missing)).reason == "tls"


def test_a_login_over_tls_is_not_sent_on_in_plain_text(
    tls: str, git_http: GitHttp, repository: Repository, certificate: Path, tmp_path: Path
) -> None:
    """A server that knows us by now, and then sends us to its http, as one does that does not know of its proxy."""
    git_http.redirect_known = f"http://127.0.0.1:{git_http.port}"
    auth = GitAuth(token_secret="TOKEN", ca_file=certificate / "cert.pem")
    error = refusal(make_source(f"{tls}/{repository.path.name}", tmp_path, {"TOKEN": TOKEN}, auth=auth))
    assert error.reason == "redirected"
    assert sum(1 for item in git_http.requests if item.authorization) == 1, "over TLS"


def test_what_speaks_no_tls_says_so(git_http: GitHttp, url: str, tmp_path: Path) -> None:
    assert refusal(make_source(url.replace("http:", "https:"), tmp_path)).reason == "tls"
