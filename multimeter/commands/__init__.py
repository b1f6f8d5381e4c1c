"""The verbs of ``multimeter``, a file each; :mod:`multimeter.cli` puts them together."""
