"""The way in and out: Faust workers, topics, brokers and senders."""
