from __future__ import annotations

import logging

from multimeter.system.log import log


def test_the_log_is_the_logger_of_the_package():
    assert log() is logging.getLogger("multimeter")
