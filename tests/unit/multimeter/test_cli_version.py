from __future__ import annotations

import pytest

import multimeter
from multimeter.cli import main


def test_the_version_is_printed(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert not ended.value.code
    assert capsys.readouterr().out == f"multimeter {multimeter.__version__}\n"
