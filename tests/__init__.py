"""The tests: by kind, not by package, so that no folder here has the name of a package."""
