from __future__ import annotations

import pytest
from fakes.impostor import ANSWERS, Impostor

from multimeter.visualization.engines.docker.grafana import Grafana
from multimeter.visualization.errors import VisualizationError


@pytest.mark.parametrize("answer", ["redirect", "keep the method"])
def test_no_redirect_takes_the_password_along(answer):
    with (
        Impostor.running(ANSWERS["ok"]) as other,
        Impostor.running(ANSWERS[answer].replace(b"{here}", other.url.encode())) as here,
    ):
        grafana = Grafana(here.url, "s3cret")
        with pytest.raises(VisualizationError, match="answered 30"):
            grafana.reload_data_sources()
        assert not grafana.has_dashboard("uid")
        grafana.close()
    assert here.received
    assert other.received == b""
