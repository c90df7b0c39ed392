"""The contract: what institutions and offices may publish, and how it is decoded."""
