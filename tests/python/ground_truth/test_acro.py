"""`exact` against acro 1.0.2 (SACRO project, from PyPI) at its defaults: 10, (2, 90), p% 10.

First the tables both judge alike: a cell is suppressed by us exactly where one of acro's checks
fails, and holds acro's number elsewhere. Then what acro lets pass and we don't: it counts rows
where we count people who contribute.
"""

import logging
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from federation import Column, Dataset, Federation, dimension, split

logging.disable(logging.CRITICAL)  # acro logs every table it makes
import acro  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")  # acro's and pandas', not ours

NODES = 2
PENCE_MAX = 10**12


# acro


MADE = {}


def judged(frame, index, columns, values=None, aggfunc=None):
    """acro's table and its finding: {(row, column): (number, "ok" or the checks that fail)}."""
    # acro takes a second for a table, and several tests look at the same.
    made = (id(frame), index, columns, values, aggfunc)
    if made not in MADE:
        MADE[made] = judge(frame, index, columns, values, aggfunc)
    return MADE[made]


def judge(frame, index, columns, values, aggfunc):
    session = acro.ACRO()
    table = session.crosstab(
        frame[index],
        frame[columns],
        values=None if values is None else frame[values],
        aggfunc=aggfunc,
    )
    outcome = session.results.get_index(0).outcome
    return {
        (row, column): (table.loc[row, column], outcome.loc[row, column])
        for row in table.index
        for column in table.columns
    }


def by_acro(*arguments, **options):
    """{(row, column): number}, None where one of acro's checks fails."""
    return {
        cell: None if found != "ok" else number
        for cell, (number, found) in judged(*arguments, **options).items()
    }


def failing(check, cells):
    return {cell for cell, (_, found) in cells.items() if check in found}


# Ours


def by_us(federation, dataset, keys, measure):
    """{key values: number}, None where it is suppressed."""
    shown = {}
    for key, (value, status) in federation.cells(dataset, keys, measure).items():
        assert (value is None) == (status == "c"), (key, value, status)
        # Totals and means come as decimal numbers.
        shown[key] = float(value) if isinstance(value, Decimal) else value
    return shown


# Data


def amounts(seed, columns, spread, size_max):
    """Groups of 0 to `size_max` rows, of positive amounts as skewed as turnover is, in pence."""
    rng = np.random.default_rng(seed)
    (first, rows), (second, values) = columns.items()
    frames = []
    for row in rows:
        for value in values:
            size = int(rng.integers(0, size_max + 1))
            drawn = rng.lognormal(9, rng.uniform(0.2, spread), size)
            pence = np.ceil(drawn).clip(max=PENCE_MAX).astype("int64")
            frames.append(pd.DataFrame({first: row, second: value, "pence": pence}))
    return pd.concat(frames, ignore_index=True).sample(frac=1, random_state=seed)


REGIONS = ["East", "London", "North East", "North West", "Scotland", "Wales", "Yorkshire"]
# Business accounts, and grants to charities: fewer and far more unequal.
BUSINESS = amounts(11, {"region": REGIONS, "industry": list("ABCDEFGH")}, 1.2, 30)
GRANTS = amounts(12, {"region": REGIONS, "purpose": ["arts", "care", "faith", "sport"]}, 6.0, 60)
SPREADS = {
    "business": (BUSINESS, ["region", "industry"]),
    "grants": (GRANTS, ["region", "purpose"]),
}


def groups(**cells):
    """Designed cells, one row of the table each: {name: amounts, None for missing}."""
    rows = [("one", name, pence) for name, values in cells.items() for pence in values]
    return pd.DataFrame(rows, columns=["side", "cell", "pence"])


# The two largest of twelve, in parts of a total: where (2, 90) and the threshold turn.
EDGES = groups(
    nine=[100] * 9,
    ten=[100] * 10,
    just_below_90=[450, 449, *[10] * 10, 1],
    exactly_90=[450, 450, *[10] * 10],
    just_above_90=[451, 450, *[10] * 9, 9],
    rest_exactly_p=[1000, 100, *[10] * 10],
    rest_below_p=[1000, 100, *[9] * 10],
    rest_far_above_p=[1000, 100, *[30] * 10],
    large_exactly_90=[4_500_000_000, 4_500_000_000, *[100_000_000] * 10],
    large_just_below_90=[4_500_000_000, 4_499_999_999, *[100_000_000] * 10],
    two=[500, 500],
    one=[500],
)

# Cells that pass acro's checks.
PASSED = groups(
    three_of_twelve_known=[100, 100, 100, *[None] * 9],
    three_of_twelve_not_zero=[100, 100, 100, *[0] * 9],
    ten_of_twelve_known=[*[100] * 10, None, None],
    twelve=[100] * 12,
)

# A refund anywhere in the table, and acro checks no cell of it for dominance.
REFUNDS = groups(
    dominated=[100_000, *[10] * 11],
    refunded=[-5, *[100] * 11],
    even=[100] * 12,
)


def people_frame():
    """Rows of people: one person's twelve; twelve people's; and a person who has most of a total
    in amounts that are small one by one, however much infusion takes off them."""
    rows = [("of_one", "p1", 100)] * 12
    rows += [("of_twelve", f"q{i}", 100) for i in range(12)]
    rows += [("split_up", "r0", 950)] * 10 + [("split_up", f"r{i}", 10) for i in range(1, 12)]
    frame = pd.DataFrame(rows, columns=["cell", "person", "pence"])
    return frame.assign(side="one")


PEOPLE = people_frame()


def measure(low=0):
    terms = {"bounds": {"low": low, "high": PENCE_MAX}, "measured_in": "pence", "blank": "null"}
    return Column("pence", "integer", "measure", terms)


def dataset(name, frame, keys, low=0, parts=None, release="at-node", unit="row", person=()):
    columns = [*person, *(dimension(key, frame[key]) for key in keys), measure(low)]
    names = [column.name for column in columns]
    parts = [part[names].astype({"pence": "Int64"}) for part in parts or [frame]]
    terms = {"unit_unique_per_row": False} if person else {}
    # What rests on margins that add up takes units with one row each.
    profile = "midpoint-6" if person else "exact"
    return Dataset(name, columns, parts, profile, unit, release, terms)


DESIGNED = ["cell", "side"]


@pytest.fixture(scope="module")
def federation(tmp_path_factory):
    datasets = []
    for name, (frame, keys) in SPREADS.items():
        datasets.append(dataset(f"one.{name}", frame, keys))
        parts = split(frame, NODES, seed=13)
        datasets.append(dataset(f"two.{name}", frame, keys, parts=parts, release="at-gateway"))
    person = [Column("person", "text", "unit")]
    parts = split(EDGES, NODES, seed=14)
    datasets += [
        dataset("one.edges", EDGES, DESIGNED),
        dataset("two.edges", EDGES, DESIGNED, parts=parts, release="at-gateway"),
        dataset("one.passed", PASSED, DESIGNED),
        dataset("one.refunds", REFUNDS, DESIGNED, low=-PENCE_MAX),
        dataset("one.people", PEOPLE, DESIGNED, unit="person", person=person),
    ]
    with Federation(tmp_path_factory.mktemp("acro"), datasets) as started:
        yield started


SIDES = ["one", "two"]
both_spreads = pytest.mark.parametrize("name", SPREADS)
at_node_and_over_two = pytest.mark.parametrize("held_by", SIDES)


# What is compared is worth comparing


def test_the_tables_hold_cells_that_pass_and_cells_that_fail_each_check():
    for name, (frame, keys) in SPREADS.items():
        cells = judged(frame, *keys, values="pence", aggfunc="sum")
        few, dominated = failing("MinimumThreshold", cells), failing("NKCheck", cells)
        assert len(few) >= 3, name
        assert len(cells) - len(few | dominated) >= 5, name
    # Large enough, and dominated.
    grants = judged(GRANTS, *SPREADS["grants"][1], values="pence", aggfunc="sum")
    assert len(failing("NKCheck", grants) - failing("MinimumThreshold", grants)) >= 3


def test_at_the_defaults_no_positive_total_fails_p_alone():
    # rest < x1/10 implies rest < (x1+x2)/9, which is (2, 90). So a mask can't tell p% from its
    # absence; what it is for is a profile with another n and k.
    for frame, keys in [*SPREADS.values(), (EDGES, DESIGNED)]:
        cells = judged(frame, *keys, values="pence", aggfunc="sum")
        assert failing("PPercentCheck", cells) <= failing("NKCheck", cells)
    assert failing("PPercentCheck", cells) == {
        (cell, "one") for cell in ["rest_below_p", "two", "one"]
    }


# The same masks, and the same numbers


def agrees(found, expected):
    """Suppressed where acro says so; elsewhere equal, or suppressed so that no cell that acro
    suppresses is a margin less the others, which acro leaves to the researcher."""
    assert found.keys() == expected.keys()
    failing = {cell for cell, value in expected.items() if value is None}
    complementary = set()
    for cell, value in expected.items():
        if value is None:
            assert found[cell] is None, cell
        elif found[cell] is None:
            complementary.add(cell)
        else:
            assert found[cell] == value, cell
    # No more than it takes: none where nothing fails, and about as many as fail.
    assert len(complementary) <= (len(failing) + 3 if failing else 0)
    return complementary


@at_node_and_over_two
@both_spreads
def test_counts_are_suppressed_where_acro_says_and_equal_elsewhere(federation, name, held_by):
    frame, keys = SPREADS[name]
    agrees(by_us(federation, f"{held_by}.{name}", keys, "count(*)"), by_acro(frame, *keys))


@at_node_and_over_two
@both_spreads
def test_totals_are_suppressed_where_acro_says_and_equal_elsewhere(federation, name, held_by):
    frame, keys = SPREADS[name]
    expected = by_acro(frame, *keys, values="pence", aggfunc="sum")
    agrees(by_us(federation, f"{held_by}.{name}", keys, "sum(pence)"), expected)


@at_node_and_over_two
@both_spreads
def test_means_are_suppressed_where_acro_says_and_equal_elsewhere(federation, name, held_by):
    frame, keys = SPREADS[name]
    expected = by_acro(frame, *keys, values="pence", aggfunc="mean")
    found = by_us(federation, f"{held_by}.{name}", keys, "avg(pence)")
    # A mean has the last place of its type, acro's that of a float.
    near = {
        cell: None if mean is None else pytest.approx(mean, rel=1e-9)
        for cell, mean in expected.items()
    }
    agrees(found, near)


@at_node_and_over_two
def test_at_the_edge_of_each_rule_acro_and_we_decide_alike(federation, held_by):
    # Nine tenths exactly are dominated, ten units exactly are enough.
    expected = by_acro(EDGES, *DESIGNED, values="pence", aggfunc="sum")
    shown = {cell for (cell, _), value in expected.items() if value is not None}
    assert shown == {"ten", "just_below_90", "rest_far_above_p", "large_just_below_90"}
    agrees(by_us(federation, f"{held_by}.edges", DESIGNED, "sum(pence)"), expected)


# What acro passes and we suppress


def passes_acro(frame, cell, aggfunc=None):
    values = None if aggfunc is None else "pence"
    number, found = judged(frame, *DESIGNED, values=values, aggfunc=aggfunc)[cell, "one"]
    return found == "ok" and pd.notna(number)


@pytest.mark.parametrize("cell", ["three_of_twelve_known", "three_of_twelve_not_zero"])
@pytest.mark.parametrize(("ours", "acros"), [("sum", "sum"), ("avg", "mean")])
def test_three_who_contribute_are_too_few_whoever_else_is_in_the_group(
    federation, cell, ours, acros
):
    assert passes_acro(PASSED, cell, acros)
    found = by_us(federation, "one.passed", DESIGNED, f"{ours}(pence)")
    assert found[cell, "one"] is None
    assert any(value is not None for value in found.values())


def test_the_count_of_that_group_is_of_twelve_and_shown(federation):
    found = by_us(federation, "one.passed", DESIGNED, "count(*)")
    assert found["three_of_twelve_known", "one"] == 12
    known = by_us(federation, "one.passed", DESIGNED, "count(pence)")
    assert known["three_of_twelve_known", "one"] is None
    # None to protect the three; 12 because two people fewer are too few a difference to tell.
    assert known["ten_of_twelve_known", "one"] in (10, 12, None)


@pytest.mark.parametrize("ours", ["count(*)", "count(DISTINCT person)", "sum(pence)", "avg(pence)"])
def test_twelve_rows_of_one_person_are_one(federation, ours):
    assert passes_acro(PEOPLE, "of_one")
    assert passes_acro(PEOPLE, "of_one", "sum")
    found = by_us(federation, "one.people", DESIGNED, ours)
    assert found["of_one", "one"] is None
    assert found["of_twelve", "one"] is not None


def test_a_person_dominates_by_all_their_rows_together(federation):
    assert passes_acro(PEOPLE, "split_up", "sum")
    found = by_us(federation, "one.people", DESIGNED, "sum(pence)")
    assert found["split_up", "one"] is None
    # Twelve people: it is their shares that are told by the total, not how many they are.
    counted = by_us(federation, "one.people", DESIGNED, "count(DISTINCT person)")
    assert counted["split_up", "one"] == 9, "the midpoint of 7 to 12"


def test_a_refund_elsewhere_does_not_lift_dominance(federation):
    assert passes_acro(REFUNDS, "dominated", "sum")
    found = by_us(federation, "one.refunds", DESIGNED, "sum(pence)")
    assert found["dominated", "one"] is None
    assert found["even", "one"] in (1_200, None), "None to protect the dominated"


@pytest.mark.parametrize("function", ["max", "min"])
def test_the_largest_amount_is_refused_where_acro_shows_it(federation, function):
    assert passes_acro(EDGES, "exactly_90", function)
    sql = f"SELECT cell, {function}(pence) FROM one.edges GROUP BY cell"
    assert "D205" in federation.refusal(sql)
