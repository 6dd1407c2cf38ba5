"""What is counted of runs that have ended, and how figures are put together. Pure."""

from engine.analytics.buckets import Width, bucket_of
from engine.analytics.figures import Figures
from engine.analytics.histogram import ACCURACY, Histogram

__all__ = ["ACCURACY", "Figures", "Histogram", "Width", "bucket_of"]
