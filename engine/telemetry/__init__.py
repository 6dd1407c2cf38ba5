"""What a process tells about itself: numbers, traces, log records.

Numbers and trace contexts are kept with the standard library alone. What exports them (the OpenTelemetry SDK,
prometheus-client) is imported when something asks for it: a collector's address, or the first scrape.
"""
