"""What the API works with, given once when the application is made."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from litestar.di import NamedDependency
from litestar.params import SkipValidation

from dsl.pool_kinds import PoolKinds
from engine.accounts.gate import Gate
from engine.accounts.log_ins import LogIns
from engine.accounts.service import Accounts
from engine.artifacts import Artifacts
from engine.broker.interface import Broker
from engine.clock import Clock, NewId, new_id, system_clock
from engine.keyring import Keyring
from engine.services.actions import Actions
from engine.services.approvals import Approvals
from engine.services.asking import AsksSyncer, NobodyToAsk
from engine.services.backfills import Backfills
from engine.services.declared_sources import DeclaredSources
from engine.services.hooks import Hooks
from engine.services.notifier import RunNotifier
from engine.services.overrides import Overrides
from engine.services.revision_cache import RevisionCache
from engine.services.secrets import Secrets
from engine.services.source_hooks import SourceHooks
from engine.services.webhooks import Webhooks
from engine.store.database import Database


def _no_sync(_: str) -> bool:
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependencies:
    """What a process gives to its API.

    `sync_now(name)` asks for a look at a source at once and returns without waiting, False if nobody can be asked.
    `syncer` is asked for what is waited for: looks, and plans of branches and commits.
    `revisions` may be shared with the other services of a process. `health` gives, for each thing that the process
    needs, a callable that says what is wrong with it (empty: nothing). `notifier` hears of runs with new log lines
    where the log writer is in the same process. `keyring` encrypts secrets, `artifacts` keeps files. `closing` ends
    followed streams. `pool_kinds` are the kinds of tasks that pools are declared to serve.
    `public_badges` are the namespaces whose badges everybody may see: `data`, or `data.*` with all below it.
    `audit_linger_seconds` is how long after an answer the audit log is written.
    """

    database: Database
    broker: Broker
    clock: Clock = system_clock
    new_id: NewId = new_id
    sync_now: Callable[[str], bool] = _no_sync
    syncer: AsksSyncer = field(default_factory=NobodyToAsk)
    revisions: RevisionCache | None = None
    health: Mapping[str, Callable[[], str]] = field(default_factory=dict)
    notifier: RunNotifier = field(default_factory=RunNotifier)
    keyring: Keyring = field(default_factory=lambda: Keyring([]))
    artifacts: Artifacts = field(default_factory=lambda: Artifacts(""))
    closing: threading.Event = field(default_factory=threading.Event)
    pool_kinds: PoolKinds = field(default_factory=dict)
    credentials_always: bool = False
    public_badges: Sequence[str] = ()
    audit_linger_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Services:
    """The dependencies, and what is made of them once."""

    given: Dependencies
    revisions: RevisionCache
    actions: Actions
    approvals: Approvals
    backfills: Backfills
    secrets: Secrets
    hooks: Hooks
    overrides: Overrides
    sources: DeclaredSources
    source_hooks: SourceHooks
    accounts: Accounts
    log_ins: LogIns
    gate: Gate
    webhooks: Webhooks

    @classmethod
    def of(cls, given: Dependencies) -> "Services":
        """Return what handlers work with."""
        revisions = given.revisions or RevisionCache(given.database)
        actions = Actions(given.database, given.broker, revisions, given.clock, given.new_id)
        approvals = Approvals(given.database, given.broker, given.clock)
        backfills = Backfills(given.database, given.broker, revisions, given.clock, given.new_id)
        secrets = Secrets(given.database, given.keyring)
        hooks = Hooks(given.database, given.broker, revisions, secrets, given.clock, given.new_id)
        overrides = Overrides(given.database, given.broker, revisions, given.clock, given.new_id)
        sources = DeclaredSources(given.database, given.sync_now)
        source_hooks = SourceHooks(given.database, secrets, given.clock, given.sync_now)
        accounts = Accounts(given.database, given.clock, given.new_id)
        log_ins = LogIns(given.database, given.keyring, given.clock, given.new_id)
        gate = Gate(given.database, log_ins, given.clock, always=given.credentials_always)
        return cls(
            given=given,
            revisions=revisions,
            actions=actions,
            approvals=approvals,
            backfills=backfills,
            secrets=secrets,
            hooks=hooks,
            overrides=overrides,
            sources=sources,
            source_hooks=source_hooks,
            accounts=accounts,
            log_ins=log_ins,
            gate=gate,
            webhooks=Webhooks(given.database, given.keyring, given.clock),
        )

    @property
    def database(self) -> Database:
        """The store."""
        return self.given.database


Injected = NamedDependency[SkipValidation[Services]]
"""How a handler asks for `services`."""
