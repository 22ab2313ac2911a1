"""`ons-ckm` against the package it is named after: cell-key-perturbation 3.1.0 (ONS, from PyPI).

The same rows and the same p-table go to both, and whole tables are compared: which cells there are,
which are suppressed, and every number. Rows go through the federation, split over 1, 2, 3 and 7
nodes; the package has them all in one frame.
"""

import contextlib
import functools
import importlib.metadata
import io
import pathlib

import numpy as np
import pandas as pd
import pytest
from cell_key_perturbation.create_perturbed_table import create_perturbed_table
from cell_key_perturbation.utils.generate_test_data import generate_test_data
from federation import Column, Dataset, Federation, dimension, split

SPLITS = [1, 2, 3, 7]
# One node that is connected and has no rows, in the splits that can spare one.
EMPTY_NODE = {1: None, 2: None, 3: 1, 7: 0}
THRESHOLD = 10

# What NULL is called where the package has to see an ordinary value.
STAND_IN = {"var1": -1, "var8": "~"}


# The package


def computed(frame, keys, p_table, record_key="record_key"):
    """The package's table, as a frame. It prints as it goes."""
    with contextlib.redirect_stdout(io.StringIO()):
        return create_perturbed_table(
            data=frame, ptable=p_table, geog=[], tab_vars=keys, record_key=record_key
        )


def counts(table, keys):
    """{key values: perturbed count}, None where it is suppressed or a key is NULL."""
    return {
        tuple(plain(row[key]) for key in keys): plain(row["count"])
        for row in table.to_dict("records")
    }


def plain(value):
    if pd.isna(value):
        return None
    return value if isinstance(value, str) else int(value)


def by_package(frame, keys, p_table):
    return counts(computed(frame, keys, p_table), keys)


# Ours


def by_us(federation, dataset, keys, where=None):
    """{key values: perturbed count}, None where it is suppressed. A status goes with each cell."""
    shown = {}
    for key, (value, status) in federation.cells(dataset, keys, where=where).items():
        assert (value is None) == (status == "c"), (key, value, status)
        shown[key] = value
    return shown


# Data


def people():
    """The package's own data, and the tables to make of it."""
    return generate_test_data(size=1_500), [
        ["var1"],
        ["var9"],
        ["var5", "var8"],
        ["var1", "var5", "var8"],
    ]


# Counts where the rules turn: the threshold, with noise either way, and the p-table's last row for
# a count of its own; the rows for 501 to 750 serve all larger counts.
SIZES = [1, 4, 7, 8, 9, 10, 11, 12, 13, 14, 749, 750, 751, 752, 1000, 1001, 1250, 1251, 2000, 2001]


def sizes():
    """Groups of those sizes, with keys for a p-table of 4096."""
    frame = generate_test_data(size=sum(SIZES), key_range=4095)[["record_key", "var1", "var2"]]
    frame["size_group"] = np.repeat([f"of {size}" for size in SIZES], SIZES)
    return frame.sample(frac=1, random_state=4), [
        ["size_group"],
        ["var2"],
        ["var2", "size_group"],
        ["var1", "var2", "size_group"],
    ]


def gaps():
    """NULL in a dimension of numbers, in one of text and in the record key."""
    rng = np.random.default_rng(8)
    frame = generate_test_data(size=1_200)[["record_key", "var1", "var2", "var8"]]
    frame = frame.astype({"record_key": "Int64", "var1": "Int64"})
    frame.loc[rng.random(len(frame)) < 0.1, "record_key"] = pd.NA
    # A group without a single key is perturbed as well.
    frame.loc[frame["var1"] == 5, "record_key"] = pd.NA
    frame.loc[rng.random(len(frame)) < 0.1, "var1"] = pd.NA
    frame["var8"] = frame["var8"].mask(rng.random(len(frame)) < 0.15, None)
    return frame, [["var1"], ["var8"], ["var2", "var8"], ["var1", "var8"]]


def p_table(tables, keys, seed):
    """A random p-table: rows for what these (frame, variables) meet, and as many that they don't.

    A whole one has 750 x 4096 rows, which would be most of the time a test takes. To look up the
    wrong row, or to add the wrong key, finds another value or none: no value that is met is 0.
    """
    rng = np.random.default_rng(seed)
    nothing = pd.DataFrame({"pcv": [1], "ckey": [keys - 1], "pvalue": [0]})
    met = pd.concat(computed(*table, nothing)[["pcv", "ckey"]] for table in tables)
    met = met[met["pcv"] > 0]
    others = pd.DataFrame(
        {"pcv": rng.integers(1, 751, 2_000), "ckey": rng.integers(0, keys, 2_000)}
    )
    rows = pd.concat([met, others, nothing[["pcv", "ckey"]]]).drop_duplicates()
    values = [value for value in range(-5, 6) if value != 0]
    return rows.assign(pvalue=rng.choice(values, len(rows))).sort_values(["pcv", "ckey"])


def dataset(
    name,
    frame,
    dimensions,
    p_table,
    parts=None,
    record_key="record_key",
    p_table_text=None,
    **terms,
):
    columns = [
        Column(record_key, "integer", terms={"blank": "null"}),
        *(
            column if isinstance(column, Column) else dimension(column, frame[column])
            for column in dimensions
        ),
    ]
    names = [column.name for column in columns]
    return Dataset(
        name=name,
        columns=columns,
        parts=[part[names] for part in parts or [frame]],
        profile="ons-ckm",
        terms={"p_table": f"{name}.ptable.csv", "record_key": record_key},
        files={f"{name}.ptable.csv": p_table_text or p_table.to_csv(index=False)},
        **terms,
    )


# A table of some of the rows.
HALVED = ["var1", "var2"]


def half(frame):
    return frame[frame["var2"] == 2]


class Case:
    """Rows, the tables to make of them, and their p-table."""

    def __init__(self, name, made, keys, seed):
        self.name = name
        self.frame, self.tables = made
        self.seed = seed
        self.filled = self.frame.fillna({k: v for k, v in STAND_IN.items() if k in self.frame})
        met = [(self.filled, table) for table in self.tables]
        self.p_table = p_table([*met, (half(self.frame), HALVED)], keys, seed)

        # Made once for all splits: the package's table of all rows, and with a stand-in for NULL.
        self.computed = functools.cache(lambda *k: computed(self.frame, list(k), self.p_table))
        self.filled_computed = functools.cache(
            lambda *k: computed(self.filled, list(k), self.p_table)
        )

    def by_package(self, keys):
        return counts(self.computed(*keys), keys)

    def at(self, nodes):
        return f"ons.{self.name}_{nodes}"

    def datasets(self):
        dimensions = sorted({key for table in [*self.tables, HALVED] for key in table})
        for nodes in SPLITS:
            parts = split(self.frame, nodes, self.seed, EMPTY_NODE[nodes])
            yield dataset(self.at(nodes), self.frame, dimensions, self.p_table, parts)


CASES = [
    Case("people", people(), keys=256, seed=1),
    Case("sizes", sizes(), keys=4096, seed=2),
    Case("gaps", gaps(), keys=256, seed=3),
]
PEOPLE, GROUPS, GAPS = CASES

MICRO = generate_test_data()


def shipped():
    """The p-table the package installs (192 000 rows, 256 keys): below 10 to 0, then to fives."""
    [path] = [
        found.locate()
        for found in importlib.metadata.files("cell-key-perturbation")
        if found.name == "ptable_10_5_rule.csv"
    ]
    return pathlib.Path(path).read_text(encoding="utf-8")


SHIPPED_TEXT = shipped()
SHIPPED = pd.read_csv(io.StringIO(SHIPPED_TEXT))

# Ids of ten digits, a few missing, as the package's `ons_id`.
IDS = PEOPLE.frame.drop(columns="record_key").assign(
    ons_id=np.random.default_rng(5).integers(10**9, 10**10, len(PEOPLE.frame))
)
IDS_P_TABLE = p_table([(IDS.assign(record_key=IDS["ons_id"]), ["var1", "var8"])], 256, 6)

# Published values that nobody has: categories, in the package's terms.
DECLARED = {"var1": [1, 2, 3, 4, 5, 6], "var8": list("ABCDE")}


@pytest.fixture(scope="module")
def federation(tmp_path_factory):
    datasets = [found for case in CASES for found in case.datasets()]
    datasets += [
        dataset(
            "ons.generated",
            MICRO,
            ["var1", "var5", "var8"],
            SHIPPED,
            p_table_text=SHIPPED_TEXT,  # as it stands, with its quotes
            release="at-node",
        ),
        dataset(
            "ons.ids", IDS, ["var1", "var8"], IDS_P_TABLE, split(IDS, 2, 7), record_key="ons_id"
        ),
        dataset(
            "ons.declared",
            PEOPLE.frame,
            [dimension(name, PEOPLE.frame[name], domain=DECLARED[name]) for name in DECLARED],
            PEOPLE.p_table,
            release="at-node",
        ),
    ]
    with Federation(tmp_path_factory.mktemp("ons"), datasets) as started:
        yield started


def over_splits(case):
    tables = [pytest.param(table, id="-".join(table)) for table in case.tables]

    def both(test):
        test = pytest.mark.parametrize("keys", tables)(test)
        return pytest.mark.parametrize("nodes", SPLITS)(test)

    return both


# What is compared is worth comparing


def test_the_tables_hold_empty_suppressed_perturbed_and_wrapped_cells():
    cells = {
        case.name: pd.concat(case.filled_computed(*table) for table in case.tables)
        for case in CASES
    }
    everything = pd.concat(cells.values())
    assert (cells["people"]["pre_sdc_count"] == 0).sum() >= 10
    assert (cells["sizes"]["pre_sdc_count"] > 750).sum() >= 10
    # Noise lifts cells over the threshold and pushes others under it.
    small = everything["pre_sdc_count"] < THRESHOLD
    assert (small & everything["count"].notna()).sum() >= 5
    assert (~small & everything["count"].isna()).sum() >= 5
    assert (everything["pre_sdc_count"] != everything["count"]).sum() >= 100


# Equality


@pytest.mark.parametrize(
    "keys", [["var1"], ["var8"], ["var5", "var8"], ["var1", "var5", "var8"]], ids="-".join
)
def test_the_packages_own_data_and_p_table_give_the_packages_table(federation, keys):
    assert by_us(federation, "ons.generated", keys) == by_package(MICRO, keys, SHIPPED)


@over_splits(PEOPLE)
def test_tables_of_one_two_and_three_variables_are_the_packages(federation, nodes, keys):
    expected = PEOPLE.by_package(keys)
    assert by_us(federation, PEOPLE.at(nodes), keys) == expected


@over_splits(GROUPS)
def test_counts_above_750_and_4096_keys_are_the_packages(federation, nodes, keys):
    expected = GROUPS.by_package(keys)
    assert by_us(federation, GROUPS.at(nodes), keys) == expected


@pytest.mark.parametrize("nodes", SPLITS)
def test_a_filtered_table_is_the_packages_of_the_filtered_rows(federation, nodes):
    # Of `var2` one published value is left, as in the package's cross product of what it sees.
    expected = by_package(half(PEOPLE.frame), HALVED, PEOPLE.p_table)
    assert by_us(federation, PEOPLE.at(nodes), HALVED, where="var2 = 2") == expected


def test_the_order_of_variables_changes_nothing(federation):
    forth = by_us(federation, PEOPLE.at(3), ["var5", "var8"])
    back = by_us(federation, PEOPLE.at(3), ["var8", "var5"])
    assert {(a, b): value for (b, a), value in back.items()} == forth


def test_an_ons_id_is_a_record_key_as_it_stands(federation):
    # The package takes it modulo 4096 first, which changes no sum modulo 256 or 4096.
    expected = by_package(IDS, ["var1", "var8"], IDS_P_TABLE)
    assert by_us(federation, "ons.ids", ["var1", "var8"]) == expected


def test_a_published_value_nobody_has_is_a_cell_as_the_packages_categories_are(federation):
    frame = PEOPLE.frame.copy()
    for name, values in DECLARED.items():
        frame[name] = pd.Categorical(frame[name], values)
    expected = by_package(frame, list(DECLARED), PEOPLE.p_table)
    assert len(expected) == 30
    assert by_us(federation, "ons.declared", list(DECLARED)) == expected


# NULL


@over_splits(GAPS)
def test_a_missing_record_key_counts_and_adds_nothing(federation, nodes, keys):
    expected = GAPS.by_package(keys)
    found = by_us(federation, GAPS.at(nodes), keys)
    assert {k: v for k, v in found.items() if None not in k} == {
        k: v for k, v in expected.items() if None not in k
    }


def test_a_group_without_any_record_key_has_cell_key_0(federation):
    rows = GAPS.frame[GAPS.frame["var1"] == 5]
    assert rows["record_key"].isna().all()
    key_0 = GAPS.p_table.set_index(["pcv", "ckey"])["pvalue"][len(rows), 0]
    assert by_us(federation, GAPS.at(2), ["var1"])[5,] == len(rows) + key_0


@over_splits(GAPS)
def test_a_null_group_follows_its_own_key_where_the_pandas_version_takes_0(federation, nodes, keys):
    # The package disagrees with itself here: in BigQuery a NULL group has the sum of its keys, in
    # pandas it has 0, since its second grouping drops NULL. A stand-in for NULL gives the former.
    pandas_version = GAPS.computed(*keys)
    null = pandas_version[keys].isna().any(axis=1)
    assert null.any()
    assert (pandas_version[null]["ckey"] == 0).all()

    by_stand_in = {
        tuple(None if value in STAND_IN.values() else value for value in key): count
        for key, count in counts(GAPS.filled_computed(*keys), keys).items()
    }
    # NULL isn't a published value, so its row stands only where its count is shown.
    expected = {k: v for k, v in by_stand_in.items() if None in k and v is not None}
    found = {k: v for k, v in by_us(federation, GAPS.at(nodes), keys).items() if None in k}
    assert found == expected
    assert found != {k: v for k, v in counts(pandas_version, keys).items() if k in found}
