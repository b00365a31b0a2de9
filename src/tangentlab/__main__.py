"""`python -m tangentlab` and the command `tangentlab`."""

from tangentlab.cli import main as main

if __name__ == "__main__":
    main()
