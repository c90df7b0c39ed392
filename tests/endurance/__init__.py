"""A soak: millions of events while workers and the broker are killed at random; in the end the figures of a quiet run."""
