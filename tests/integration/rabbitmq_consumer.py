"""A process that takes messages and holds them: `rabbitmq_consumer.py URL QUEUE PREFETCH`; says each body it gets."""

import sys

from engine.broker import connect


def main(url: str, queue: str, prefetch: str) -> None:
    """Take and never acknowledge, until killed."""
    consumer = connect(url, name="held").consume(queue, int(prefetch))
    while True:
        for delivery in consumer.get(100, None):
            print(delivery.body.decode(), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
