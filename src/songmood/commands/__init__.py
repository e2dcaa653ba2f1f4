"""The `songmood` command: a module for each of its verbs."""
