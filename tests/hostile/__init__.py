"""Hostile messages, and what must hold whatever was sent: for the property in CI and for the soak."""
