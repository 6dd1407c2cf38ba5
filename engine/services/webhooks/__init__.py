"""Outgoing webhooks: who is told of events, by a signed POST or by e-mail, at least once."""

from engine.services.webhooks.courier import WebhookCourier
from engine.services.webhooks.registry import Declared, Webhooks

__all__ = ["Declared", "WebhookCourier", "Webhooks"]
