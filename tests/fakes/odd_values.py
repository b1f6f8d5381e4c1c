"""Objects of many types, which a probe, a tag or meta data may hold."""

from __future__ import annotations

import datetime as dt
import enum
import http
import signal
import sys
import uuid
import weakref
from decimal import Decimal
from fractions import Fraction

import numpy as np

from multimeter import Measure, Metric, Probe, Subject


class Valve(enum.IntEnum):
    OPEN = 1


class State(str, enum.Enum):
    ON = "x"


class Level(float, enum.Enum):
    HALF = 0.5


class Color(enum.Enum):
    RED = 1


class Bits(enum.Flag):
    ONE = 1
    TWO = 2


class IntBits(enum.IntFlag):
    ONE = 1
    TWO = 2


def _raises(name):
    def method(self, *arguments):
        raise RuntimeError(name)

    return method


_METHODS = """
    __eq__ __ne__ __lt__ __le__ __gt__ __ge__ __str__ __repr__ __index__ __int__ __float__
    __bool__ __format__ __abs__ __round__ __len__ __iter__ __add__ __radd__ __mul__
    __rmul__ __sub__ __rsub__ __getattr__ __contains__ __reduce_ex__ as_integer_ratio
    is_integer translate encode strip item bit_length isoformat
"""


def _nasty(name, base):
    methods = {each: _raises(each) for each in _METHODS.split()}
    # One without a hash could be no key at all, so it is a value only.
    return type(name, (base,), {**methods, "__hash__": _raises("__hash__")})


NastyInt = _nasty("NastyInt", int)
NastyFloat = _nasty("NastyFloat", float)
NastyText = _nasty("NastyText", str)
NastyList = _nasty("NastyList", list)
NastyDict = _nasty("NastyDict", dict)
NastyDecimal = _nasty("NastyDecimal", Decimal)
NastyFraction = _nasty("NastyFraction", Fraction)
Nasty = _nasty("Nasty", object)


class NastyClass(Nasty):
    """Even to ask for its class, or for its dimensions, raises."""

    __class__ = property(_raises("__class__"))
    ndim = property(_raises("ndim"))


class Recursive:
    def __str__(self):
        return str(self)

    __repr__ = __str__


class NoText:
    def __str__(self):
        return 5  # noqa: PLE0307 - that is what is wrong with it


class Missing:
    """As pandas.NA: nobody may ask whether it is true."""

    def __bool__(self):
        raise TypeError("ambiguous")

    def __eq__(self, other):
        return self

    __hash__ = None

    def __repr__(self):
        return "<NA>"


class Scalar:
    """A number without dimensions, as of a library for tensors."""

    ndim = 0

    def item(self):
        return 2.5


class BadScalar:
    ndim = 0

    def item(self):
        raise RuntimeError("no device")


class Gone:
    """What a weak proxy has lost."""


def _deep():
    nested = []
    for _ in range(100_000):
        nested = [nested]
    return nested


def _itself():
    loop = []
    loop.append(loop)
    return loop


RIGHT = [
    (Valve.OPEN, "1i"),
    (http.HTTPStatus.OK, "200i"),
    (signal.SIGINT, "2i"),
    (IntBits.ONE | IntBits.TWO, "3i"),
    (NastyInt(7), "7i"),
    (NastyFloat(0.5), "0.5"),
    (NastyText('a"b'), '"a\\"b"'),
    (State.ON, '"x"'),
    (Level.HALF, "0.5"),
    (np.int64(5), "5i"),
    (np.int8(-5), "-5i"),
    (np.uint64(2**64 - 1), "1.8446744073709552e+19"),
    (np.float64(0.1), "0.1"),
    (np.float32(0.1), "0.10000000149011612"),
    (np.float16(0.5), "0.5"),
    (np.float32("nan"), None),
    (np.float64("inf"), None),
    (np.longdouble("0.25"), "0.25"),
    (np.longdouble("1e4000"), None),
    (np.bool_(True), "true"),
    (np.bool_(False), "false"),
    (np.str_("x"), '"x"'),
    (np.array(5), "5i"),
    (np.array(0.5, "float32"), "0.5"),
    (np.array(Decimal("0.5")), "0.5"),
    (np.array(None), None),
    (np.ma.array(5), "5i"),
    (np.ma.array(5, mask=True), None),
    (np.ma.masked, None),
    (np.datetime64("2026-01-02T03:04:05", "ns"), '"2026-01-02T03:04:05.000000000"'),
    (np.datetime64("2026-01-02T03:04:05", "s"), '"2026-01-02T03:04:05"'),
    (np.datetime64("NaT", "ns"), None),
    (np.timedelta64(5, "s"), '"5 seconds"'),
    (np.array([1, 2]), '"[1 2]"'),
    (Scalar(), "2.5"),
    (Decimal("1.10"), "1.1"),
    (Decimal("NaN"), None),
    (Decimal("sNaN"), None),
    (Decimal("-Infinity"), None),
    (Decimal("1E999999"), None),
    (Fraction(1, 4), "0.25"),
    (Fraction(10**400), None),
    (10**400, None),
    (10**5000, None),
    (2**63, "9.223372036854776e+18"),
    (-(2**63), "-9223372036854775808i"),
    (1 + 2j, '"(1+2j)"'),
    (b"ab", "\"b'ab'\""),
    (Color.RED, '"Color.RED"'),
    (..., '"Ellipsis"'),
    (Missing(), '"<NA>"'),
    (Nasty(), '"<Nasty without text>"'),
    (NoText(), '"<NoText without text>"'),
    ("a\ud800", '"a?"'),
    (None, None),
]
"""Values, and what each is in line protocol."""

ODD = [
    *(value for value, _ in RIGHT),
    Bits.ONE | Bits.TWO,
    np.complex64(1),
    np.void(b"a"),
    np.bytes_(b"a"),
    np.array([[1.5, 2], [3, 4]]),
    np.array(["a", None], object),
    np.ma.array([1, 2], mask=[True, False]),
    np.zeros(3, [("a", "i4"), ("b", "f8")]),
    np.zeros((), [("a", "i4"), ("b", "f8")]),
    NastyList([1]),
    NastyDict({1: 2}),
    NastyDecimal("1.5"),
    NastyFraction(1, 3),
    NastyClass(),
    Recursive(),
    BadScalar(),
    weakref.proxy(Gone()),
    Gone,
    int,
    sys,
    print,
    lambda: None,
    (each for each in ()),
    iter([1]),
    object(),
    bytearray(b"ab"),
    memoryview(b"ab"),
    {1, 2},
    [1, {"a": float("nan"), ("b", 1): Decimal(2)}, (None, Valve.OPEN)],
    {"a": {1: np.float32(0.5), None: {2: [Fraction(1, 2)]}}, b"x": b"y"},
    _deep(),
    _itself(),
    dt.datetime(2026, 1, 2, tzinfo=dt.timezone.utc),
    dt.timedelta(1),
    uuid.UUID(int=1),
    ValueError("x"),
    NotImplemented,
]
"""These, and more of which it only matters that nothing breaks."""


class OddProbe(Probe):
    """Gives all of them at each sample, also from a process of its own."""

    measures = tuple(
        Measure(Subject("odd"), Metric(f"v{number}", value_type=kind))
        for number, kind in enumerate((float, int, str, bool, object) * len(ODD))
    )[: len(ODD)]
    metrics = tuple(measure.metric for measure in measures)
    subjects = (Subject("odd"),)

    def for_process(self, pid):
        return self

    def baseline(self):
        return {measure.key: value for measure, value in zip(self.measures, ODD)}

    def sample(self, values, time_elapsed):
        values.update(self.baseline())
