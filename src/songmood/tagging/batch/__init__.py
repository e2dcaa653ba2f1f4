"""Tagging files by the thousand: which files, what is finished, what is written."""
