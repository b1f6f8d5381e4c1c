from __future__ import annotations

import pytest

from multimeter.errors import ConfigurationError
from multimeter.visualization.config import StackConfig
from multimeter.visualization.engines.factory import engine_of


@pytest.mark.parametrize("port", ["x", None, -1, 0, 65536, float("inf"), float("nan")])
def test_a_port_that_is_none_is_said_to_be_wrong(tmp_path, port):
    state = {"directory": str(tmp_path), "port": port}
    config = StackConfig(
        name="multimeter",
        engine="embedded",
        url="http://127.0.0.1:8086",
        org="o",
        bucket="b",
        token="w",
        read_token="r",
        page="http://127.0.0.1:8086",
        engine_state=state,
    )
    with pytest.raises(ConfigurationError, match="lacks what its engine needs"):
        engine_of(tmp_path / "visu.config.json", config)
