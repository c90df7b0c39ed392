"""What must hold of every history, in any order."""
