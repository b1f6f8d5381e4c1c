"""The commands of ``multimeter``, one file each; :mod:`multimeter.cli` registers them."""
