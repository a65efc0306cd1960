"""Kinds of grade-school word problems: one to three steps of arithmetic on small whole numbers."""

from random import Random

from lm_eval_mathtasks.embedded.recipe.kinds import Kind, Numbers, drawn, kind_of, worked

NAMES = (
    "Amina Bruno Celia Dario Edda Farid Greta Hanna Ivo Jana Karim Lena Malik Nora Otto Pia Quentin Rina Stefan "
    "Tilda Ugo Vito Wanda Yusuf Zora Mara Leon Ida Tarek Ruth"
)
THINGS = (
    "pencils marbles ribbons walnuts tickets buttons candles postcards pebbles badges crayons peaches dates bolts "
    "bricks lemons carrots cups tiles spoons balloons magnets bulbs kites"
)
HOLDERS = (
    "basket:baskets sack:sacks drawer:drawers carton:cartons bucket:buckets folder:folders shelf:shelves"
)


def cast(rng: Random) -> dict[str, str]:
    """Names and objects for a wording: {who}, {other}, {things}, {holder}, {holders}."""
    who, other = rng.sample(NAMES.split(), 2)
    holder, holders = rng.choice(HOLDERS.split()).split(":")
    things = rng.choice(THINGS.split())
    return {"who": who, "other": other, "things": things, "holder": holder, "holders": holders}


def _shared_rest_numbers(rng: Random) -> Numbers:
    c, each, b = rng.randint(2, 9), rng.randint(2, 9), rng.randint(2, 19)
    return {"a": c * each + b, "b": b, "c": c}


KINDS: dict[str, Kind] = {
    "sum": kind_of(
        drawn(a=(4, 60), b=(2, 39)),
        worked("a+b"),
        "{who} keeps {a} {things} at home and is handed {b} more. How many {things} is that?",
        "A museum welcomes {a} visitors before noon and {b} after noon. How many visitors come that day?",
        "There are {a} {things} on the table and {b} {things} on the floor. How many {things} are there?",
    ),
    "difference": kind_of(
        drawn(b=(2, 39), a=lambda b: (b + 1, b + 50)),
        worked("a-b"),
        "{who} owned {a} {things} but {b} got lost. How many {things} remain?",
        "Out of {a} seats on a ferry, {b} are occupied. How many are empty?",
        "{who} wants {a} {things} and has collected {b}. How many {things} are still missing?",
    ),
    "product": kind_of(
        drawn(a=(2, 12), b=(2, 12)),
        worked("a*b"),
        "Every {holder} contains {b} {things}. How many {things} do {a} {holders} contain?",
        "{who} plants {a} rows with {b} tulips each. How many tulips does {who} plant?",
        "{who} swims {b} laps a day for {a} days. How many laps does {who} swim?",
    ),
    "quotient": kind_of(
        drawn(b=(2, 12), a=lambda b: (2 * b, 12 * b, b)),
        worked("a/b"),
        "{a} {things} are divided evenly among {b} {holders}. How many {things} land in each {holder}?",
        "{who} splits {a} {things} fairly between {b} cousins. What does each cousin receive?",
        "A rope of {a} meters is cut into {b} equal pieces. How many meters long is one piece?",
    ),
    "in_and_out": kind_of(
        drawn(a=(5, 45), b=(3, 35), c=lambda a, b: (2, min(39, a + b - 1))),
        worked("a+b", "p-c"),
        "A tram carries {a} people. {b} people board and then {c} leave. How many people are on the tram?",
        "{who} has {a} {things}, wins {b} more, and then trades away {c}. How many {things} does {who} keep?",
        "{who} bakes {a} rolls and {other} bakes {b} rolls. They eat {c} rolls. How many rolls are left over?",
    ),
    "groups_and_more": kind_of(
        drawn(a=(2, 12), b=(2, 12), c=(2, 19)),
        worked("a*b", "p+c"),
        "{who} fills {a} {holders} with {b} {things} each and has {c} {things} left. How many {things} are there?",
        "{who} saves {b} dollars a week for {a} weeks and then finds {c} dollars. "
        "How many dollars does {who} have?",
    ),
    "groups_less": kind_of(
        drawn(a=(3, 12), b=(3, 12), c=lambda a, b: (2, min(39, a * b - 1))),
        worked("a*b", "p-c"),
        "{who} opens {a} {holders} of {b} {things} and uses up {c} {things}. How many {things} are left?",
        "A theater has {a} rows of {b} chairs. {c} chairs are broken. How many chairs are fine?",
    ),
    "more_than": kind_of(
        drawn(a=(3, 30), b=(2, 19)),
        worked("a+b", "a+p"),
        "{who} has {a} {things}. {other} has {b} more than {who}. How many {things} do the two own together?",
        "{who} walked {a} miles in May and {b} miles more than that in June. "
        "How many miles was that in both months?",
    ),
    "times_as_many": kind_of(
        drawn(a=(2, 15), b=(2, 6)),
        worked("b*a", "a+p"),
        "{who} has {a} {things}. {other} has {b} times as many. How many {things} do the two own together?",
        "A hen weighs {a} pounds and a goat weighs {b} times as much. How many pounds do both weigh together?",
    ),
    "change": kind_of(
        drawn(a=(2, 9), b=(2, 9), c=lambda a, b: (a * b + 1, a * b + 20)),
        worked("a*b", "c-p"),
        "{who} picks {a} {things} at {b} dollars apiece and hands over {c} dollars. How many dollars come back?",
        "{who} has {c} dollars and pays for {a} rides at {b} dollars each. How many dollars does {who} still have?",
    ),
    "shared_rest": kind_of(
        _shared_rest_numbers,
        worked("a-b", "p/c"),
        "{who} has {a} {things}, keeps {b}, and deals out the rest equally to {c} friends. "
        "What does each friend get?",
        "From {a} liters of juice {b} liters are spilled. The rest fills {c} jugs evenly. How many liters per jug?",
    ),
    "two_prices": kind_of(
        drawn(a=(2, 9), b=(2, 9), c=(2, 9), d=(2, 9)),
        worked("a*b", "c*d", "p+q"),
        "{who} buys {a} {things} for {b} dollars each and {c} hats for {d} dollars each. "
        "What is the total in dollars?",
        "A club sells {a} large flags at {b} dollars and {c} small flags at {d} dollars. How many dollars is that?",
    ),
}
