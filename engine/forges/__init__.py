"""Forges: who hosts repositories, tells of pushes, and shows what became of a commit."""

from collections.abc import Mapping
from typing import Final

from engine.forges.bitbucket import Bitbucket
from engine.forges.gitea import Gitea
from engine.forges.github import GitHub
from engine.forges.gitlab import GitLab
from engine.forges.interface import Forge, ForgeConfigError, ForgeKind, HookConfig, StatusConfig

__all__ = ["FORGES", "Forge", "ForgeConfigError", "ForgeKind", "HookConfig", "StatusConfig"]

FORGES: Final[Mapping[ForgeKind, Forge]] = {
    ForgeKind.GITHUB: GitHub(),
    ForgeKind.GITLAB: GitLab(),
    ForgeKind.GITEA: Gitea(),
    ForgeKind.BITBUCKET: Bitbucket(),
}
"""Every forge by its kind."""
