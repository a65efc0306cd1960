"""Units of measurement, money and time of day: what is written after a number, and when two of them contradict.

A unit that is not in the table is a remark ("14 points"): it never decides anything.
"""

import re
from collections import Counter
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple


class Unit(NamedTuple):
    """dimension: what it measures ("length^2"); factor: how many of the dimension's base unit it is."""

    dimension: str
    factor: Fraction


# name(s): dimension, size in the dimension's base unit (metre, gram, second, litre, dollar...).
_TABLE = """
m meter meters metre metres: length 1
km kilometer kilometers kilometre kilometres: length 1000
cm centimeter centimeters centimetre centimetres: length 1/100
mm millimeter millimeters: length 1/1000
ft foot feet: length 3048/10000
in inch inches: length 254/10000
yd yard yards: length 9144/10000
mi mile miles: length 1609344/1000
g gm gram grams: mass 1
kg kilogram kilograms: mass 1000
mg milligram milligrams: mass 1/1000
lb lbs pound pounds: mass 45359237/100000
oz ounce ounces: mass 45359237/1600000
ton tons tonne tonnes: mass 1000000
s sec secs second seconds: time 1
min mins minute minutes: time 60
h hr hrs hour hours: time 3600
day days: time 86400
week weeks: time 604800
month months: month 1
year years yr yrs: month 12
l L liter liters litre litres: volume 1/1000
ml mL milliliter milliliters: volume 1/1000000
gal gallon gallons: gallon 1
qt quart quarts: gallon 1/4
pt pint pints: gallon 1/8
cup cups: cup 1
$ dollar dollars usd USD 美元: money 1
cent cents ¢: money 1/100
€ euro euros: euro 1
£: sterling 1
¥ yuan 元: yuan 1
Wh: energy 3600
kWh: energy 3600000
joule joules: energy 1
kJ kilojoule kilojoules: energy 1000
watt watts: energy/time 1
kW kilowatt kilowatts: energy/time 1000
MW megawatt megawatts: energy/time 1000000
newton newtons: force 1
pascal pascals: pressure 1
Hz hertz: frequency 1
kHz: frequency 1000
MHz: frequency 1000000
volt volts: voltage 1
mV: voltage 1/1000
kV: voltage 1000
ampere amperes amp amps: current 1
mA: current 1/1000
mph: length/time 44704/100000
kmh kph: length/time 5/18
degree degrees °: degree 1
celsius: celsius 1
fahrenheit: fahrenheit 1
rad radian radians: radian 1
sqft sqfeet: length^2 9290304/100000000
米: length 1
千米 公里: length 1000
厘米: length 1/100
千克 公斤: mass 1000
克: mass 1
小时: time 3600
分钟: time 60
天: time 86400
"""


def _read_table() -> dict[str, Unit]:
    table: dict[str, Unit] = {}
    for line in _TABLE.strip().splitlines():
        names, _, rest = line.partition(":")
        dimension, _, factor = rest.strip().partition(" ")
        for name in names.split():
            table[name] = Unit(dimension, Fraction(factor))
    return table


UNITS = _read_table()
# "square feet", "feet squared": the power of the unit beside it
_POWER_WORDS = {"square": 2, "sq": 2, "squared": 2, "cubic": 3, "cu": 3, "cubed": 3}
_BEHIND_ITS_UNIT = {"squared", "cubed"}
# Words that make a run of letters after a number a remark and not a product, even without a blank.
_REMARKS = {
    "unit", "units", "sq", "square", "cubic", "per", "am", "pm", "AM", "PM", "th", "st", "nd", "rd", "deg", "of",
    "to", "at", "by", "on", "is", "as", "an",
    "Hz", "dB", "Pa", "kW", "Wh", "eV", "mA", "mV", "mW", "MW", "kV", "kN", "kJ", "KB", "MB", "GB", "TB",
}  # fmt: skip


def is_unit_word(word: str) -> bool:
    """Say whether a run of letters after a number is a unit rather than a product of variables."""
    return (
        word in _REMARKS
        or (len(word) > 1 and (word in UNITS or word.lower() in UNITS))
        or word in {"$", "°", "元"}
    )


# A sign of division, or a word and its power.
_PART = re.compile(
    r"(/|\bper\b|\ban?(?= (?:hour|minute|second|day)))|([^\W\d_]+|[$°€£¥¢])(?:\^\{?(-?\d)\}?)?"
)


@lru_cache(maxsize=1024)
def parse_unit(text: str) -> Unit | None:
    """Return the unit that `text` names ("cm", "square inches", "kg m^-3", "miles per hour"), or None if a word of it
    is no unit of the table."""
    parts: list[tuple[Unit, int]] = []
    side, power = 1, 1
    for division, word, exponent in _PART.findall(text):
        if division or word.lower() in _POWER_WORDS:
            side = -1 if division else side
            power *= _POWER_WORDS.get(word.lower(), 1)
        elif unit := UNITS.get(word) or UNITS.get(word.lower()):
            # "$5 million dollars" names one unit twice
            if not (parts and parts[-1][0] == unit):
                parts.append((unit, side * power * int(exponent or 1)))
            power = 1
        else:
            return None
        if word.lower() in _BEHIND_ITS_UNIT and parts:
            parts[-1], power = (parts[-1][0], parts[-1][1] * power), 1
    return _product(parts) if parts else None


def _product(parts: list[tuple[Unit, int]]) -> Unit | None:
    """One unit made of several with their powers; degrees are part of none."""
    powers, factor = Counter[str](), Fraction(1)
    for unit, power in parts:
        factor *= unit.factor**power
        for sign, names in zip((1, -1), unit.dimension.split("/"), strict=False):
            name, _, exponent = names.partition("^")
            powers[name] += sign * power * int(exponent or 1)
    if len(parts) > 1 and "degree" in powers:
        return None
    sides = (
        [f"{name}^{abs(n)}" if abs(n) > 1 else name for name, n in sorted(powers.items()) if n * sign > 0]
        for sign in (1, -1)
    )
    return Unit("/".join(" ".join(side) for side in sides).removesuffix("/"), factor)


_IN_BRACES = r"\s*\{\s*((?:\\text\{[a-zA-Z ]+\}|[a-zA-Z]+)\s*(?:\^\{?\d\}?)?)\s*\}"
_FRACTION = re.compile(_IN_BRACES + _IN_BRACES)


def read_rate(text: str, start: int) -> tuple[str, int] | None:
    r"""Return a fraction of units behind \frac and where it ends, "g/cm^3"; None where it may be of variables, m/g."""
    match = _FRACTION.match(text, start)
    rate = re.sub(r"\\text|[{} ]", "", f"{match[1]}/{match[2]}") if match else ""
    named = match is not None and (len(rate) > len("m/g") or r"\text" in match[0])
    return (rate, match.end()) if match and named and parse_unit(rate) else None


_CLOCK = re.compile(
    r"(\d{1,2})(?:\s?:\s?(\d{2}))?(?:\s?:\s?(\d{2}))?\s*"
    r"(?:([ap])\.?\s?m\.?|(noon|midnight)|(o'clock))?\s?(in the (?:morning|afternoon|evening)|at night)?"
    r"(?: [A-Z]{1,3}T)?(?: (?:hours|hrs|sharp))?(?:,? (?:on [\w ]+\.?|today|tomorrow|tonight|yesterday))?",
    re.IGNORECASE,
)
# "a quarter to 8", "half past 3", "10 minutes to 11"
_TO_OR_PAST = re.compile(
    r"(?:an? )?(?:(quarter|1/4)|(half|1/2)|(\d{1,2}) min(?:ute)?s?) (to|before|past|after)"
    r" (?:(\d{1,2})(?: o'clock)?|(noon|midnight))",
    re.IGNORECASE,
)
_NAMED_TIMES = {"noon": (12, 0, 0, "p"), "midnight": (12, 0, 0, "a")}


def read_clock(text: str) -> tuple[int, int, int, str] | None:
    """Return (hour, minute, second, half of the day) of a time of day ("9 a.m.", "4:30 PM", "noon"), or None.

    The half is "a", "p" or "" where none is told; "0" of 06:40, which is in the morning if it is a time of day; "o" of
    2 o'clock, which surely is one.
    """
    plain = re.sub(r"\s+", " ", re.sub(r"\\text\{|\}", " ", text)).strip()
    if plain.lower() in _NAMED_TIMES:
        return _NAMED_TIMES[plain.lower()]
    if told := _TO_OR_PAST.fullmatch(plain):
        minutes = int(told[3] or (15 if told[1] else 30))
        o_clock, half = (int(told[5]), "") if told[5] else (12, "pa"[told[6].lower() == "midnight"])
        is_before = told[4].lower() in {"to", "before"}
        time_of_day = 60 * o_clock + (-minutes if is_before else minutes)
        # a minute to noon is in the morning
        half = {"a": "p", "p": "a", "": ""}[half] if is_before else half
        return time_of_day // 60, time_of_day % 60, 0, half
    match = _CLOCK.fullmatch(plain)
    if not match or not any(match.groups()[1:]):
        return None
    hour, minute, second, half, name, _, part = match.groups()
    # o'clock is no length of time
    half = (
        half
        or (_NAMED_TIMES[name.lower()][3] if name else "ap"[part.lower() != "in the morning"] if part else "")
        or ("o" if match[6] else "")
    )
    time = (
        int(hour),
        int(minute or 0),
        int(second or 0),
        half.lower() or "0" * (len(hour) > 1 and hour[0] == "0"),
    )
    return time if time[0] <= 24 and max(time[1:3]) < 60 else None
