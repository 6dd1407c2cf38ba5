"""Messages, the broker's contract, and its two adapters: in-process memory and RabbitMQ."""
