"""A checkpoint and audio in, tags out: from Python, over folders of any size, in a page."""
