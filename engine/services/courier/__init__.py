"""Tells people and programs of runs' ends: by webhook and by e-mail, at least once, with retries."""

from engine.services.courier.courier import Courier
from engine.services.courier.mail import MailSettings

__all__ = ["Courier", "MailSettings"]
