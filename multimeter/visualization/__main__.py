"""``python -m multimeter.visualization``: the same as ``multimeter-visu``."""

from multimeter.visualization import main

if __name__ == "__main__":
    main()
