"""Whole installations with the real parts."""
