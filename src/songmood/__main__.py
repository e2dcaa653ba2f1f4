"""`python -m songmood`: the same as the `songmood` command."""

from songmood.cli import main

if __name__ == "__main__":
    main()
