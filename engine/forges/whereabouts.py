"""Where a source's repository is on its forge: read off the address it is fetched from, or said."""

from engine.forges.interface import Forge, ForgeConfigError, Repository, StatusConfig
from engine.sync.git.address import Address, parse
from engine.sync.git.errors import GitConfigError


def repository_of(url: str, forge: Forge, config: StatusConfig, token: str) -> Repository:
    """Return the repository as the forge's API knows it. Raises `ForgeConfigError` where it cannot be told."""
    address = _address(url)
    web = _web(address)
    if not config.api and not web:
        raise ForgeConfigError("status.api", f"{url!r} does not tell the forge's address; say where its API is")
    api = (config.api or forge.api_of(*web.split("://", 1))).rstrip("/")
    path = config.repository or _path(address)
    if "/" not in path.strip("/"):
        raise ForgeConfigError("status.repository", f"{url!r} does not tell the repository's path; write owner/name")
    if api.startswith("http://") and not _address(f"{api}/-").loopback:
        raise ForgeConfigError("status.api", f"the token would be sent in plain text to {api}; write https://…")
    return Repository(api=api, path=path.strip("/"), web=f"{web or api}/{path.strip('/')}", token=token)


def _address(url: str) -> Address:
    try:
        return parse(url)
    except GitConfigError as error:
        raise ForgeConfigError("url", str(error)) from error


def _web(address: Address) -> str:
    """Return scheme and host of the forge's pages; a port of SSH is none of theirs."""
    if address.scheme == "file":
        return ""
    host = f"[{address.host}]" if ":" in address.host else address.host
    if address.scheme == "ssh":
        return f"https://{host}"
    return f"{address.scheme}://{host}:{address.port}" if address.port else f"{address.scheme}://{host}"


def _path(address: Address) -> str:
    return "" if address.scheme == "file" else address.path.strip("/").removesuffix(".git")
