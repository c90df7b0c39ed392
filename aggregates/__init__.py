"""The write side: what an event means for the book of one institution."""
