"""A page on this machine: drop songs, see and hear their moods."""
