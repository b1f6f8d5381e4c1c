from __future__ import annotations

import multimeter
from multimeter import errors
from multimeter.errors import LineProtocolError, MissingExtraError, MultimeterError

BASES = {
    "MultimeterError": (Exception,),
    "ConfigurationError": (MultimeterError, ValueError),
    "NoStackError": (errors.ConfigurationError,),
    "UnknownCodenameError": (errors.ConfigurationError, KeyError),
    "StateError": (MultimeterError, RuntimeError),
    "ProbeError": (MultimeterError,),
    "UnsupportedError": (errors.ProbeError, OSError),
    "FormatError": (MultimeterError, ValueError),
    "LineProtocolError": (errors.FormatError,),
    "StorageError": (MultimeterError,),
    "MissingExtraError": (errors.StorageError, ImportError),
    "QueueFullError": (errors.StorageError,),
    "StartupException": (errors.StorageError,),
}


def test_the_errors_are_this_tree():
    assert {name: getattr(errors, name).__bases__ for name in errors.__all__} == BASES


def test_the_tree_is_drawn_on_top_of_the_module():
    assert all(name in errors.__doc__ for name in BASES)


def test_every_error_can_be_imported_from_the_package():
    assert set(BASES) <= set(multimeter.__all__)


def test_an_error_says_what_happened_why_and_what_to_do():
    error = MultimeterError("It broke.", cause="Age.", next_step="Mend it.")
    assert str(error) == "It broke.\nLikely cause: Age.\nNext: Mend it."
    assert (error.what, error.cause, error.next_step) == ("It broke.", "Age.", "Mend it.")


def test_an_error_without_a_known_cause_says_only_what_happened():
    assert str(MultimeterError("It broke.")) == "It broke."


def test_a_refused_line_is_told_in_the_words_of_influxdb():
    error = LineProtocolError("m v=", "missing field value")
    assert str(error) == "unable to parse 'm v=': missing field value"
    assert (error.line, error.reason) == ("m v=", "missing field value")


def test_a_missing_extra_says_how_to_install_it():
    text = str(MissingExtraError("influxdb-client", "influx"))
    assert "'influxdb-client' is not installed" in text
    assert "pip install 'multimeter[influx]'" in text
