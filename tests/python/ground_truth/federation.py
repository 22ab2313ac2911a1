"""A federation of separate processes for a test: a gateway, and a node for each part of the data.

The other client tests ask the demo, which runs in one process over data of its own. Here the data
is the test's, because another package has to compute the same table; and it goes the whole way
(files, configuration, node, Evidence, gateway, Flight SQL), because that is what departments run.

INSITU_BIN   the `insitu` command to start

Every process is started, awaited and ended by its own handle; nothing is found by name.
"""

import json
import os
import pathlib
import select
import socket
import subprocess
import time
from dataclasses import dataclass, field

import adbc_driver_flightsql.dbapi as flight_sql
import adbc_driver_manager
import numpy as np
import pandas as pd

STATUSES = "adbc.flight.sql.rpc.call_header.insitu-statuses"
TOKEN = "token-of-the-ground-truth-tests"
READY_SECONDS = 60
# Another program may take a port between our asking for a free one and the gateway's listening.
STARTS_MAX = 3


@dataclass(frozen=True)
class Column:
    """A declared column. `terms` are further keys: `domain`, `bounds`, `blank` and so on."""

    name: str
    type: str
    label: str | None = None
    terms: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Dataset:
    """A dataset: its rows, one frame for each node, the first for the first node; None where a node
    holds no part of it. Without a profile it is open.

    With one frame `release` may be `at-node`; with several it is `at-gateway`. `terms` are further
    keys of `[[dataset]]`. `files` are texts that stand beside the data, by name.
    """

    name: str
    columns: list[Column]
    parts: list[pd.DataFrame | None]
    profile: str | None = None
    unit: str = "row"
    release: str = "at-gateway"
    terms: dict = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)


def dimension(name, values, **terms):
    """A dimension whose published domain is the values that occur; NULL is none of them."""
    domain = sorted(pd.Series(values).dropna().unique().tolist())
    kind = "text" if isinstance(domain[0], str) else "integer"
    # Unless it is said, a blank in a column of numbers is a mistake.
    return Column(name, kind, "dimension", {"domain": domain, "blank": "null"} | terms)


def split(frame, nodes, seed, empty=None):
    """The rows, each at a node drawn at random; the node `empty` has none."""
    taken = [node for node in range(nodes) if node != empty]
    drawn = np.random.default_rng(seed).choice(taken, len(frame))
    return [frame[drawn == node] for node in range(nodes)]


class Federation:
    """Started on entering, ended on leaving."""

    def __init__(self, folder, datasets):
        self.folder = pathlib.Path(folder)
        self.datasets = datasets
        self.nodes = max(len(dataset.parts) for dataset in datasets)
        self.processes = []
        self.connection = None

    def __enter__(self):
        try:
            self._write()
            self._start()
            self._connect()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *_):
        self._stop()

    # Asking

    def query(self, sql):
        """The answer as an Arrow table."""
        with self.connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetch_arrow_table()

    def cells(self, dataset, keys, measure="count(*)", where=None):
        """A table of one measure: {key values: (value, status)}. NULL is None in both."""
        listed = ", ".join(keys)
        condition = f" WHERE {where}" if where else ""
        sql = f"SELECT {listed}, {measure} AS shown FROM {dataset}{condition} GROUP BY {listed}"
        table = self.query(sql)
        assert table.schema.names == [*keys, "shown", "shown_status"]
        found = {}
        for row in table.to_pylist():
            key = tuple(row[name] for name in keys)
            assert key not in found, f"{key} comes twice in: {sql}"
            found[key] = (row["shown"], row["shown_status"] or "")
        return found

    def refusal(self, sql):
        """The text of the error that the statement ends in."""
        try:
            self.query(sql)
        except adbc_driver_manager.Error as error:
            return str(error)
        raise AssertionError(f"answered: {sql}")

    # Writing

    def _write(self):
        (self.folder / "secrets").mkdir()
        self._secret("analyst", TOKEN)
        for node in range(self.nodes):
            self._secret(f"node-{node}", f"link-secret-of-node-{node}-of-a-test")
            place = self.folder / f"node-{node}"
            place.mkdir()
            for dataset in self._at(node):
                dataset.parts[node].to_csv(place / f"{dataset.name}.csv", index=False)
                for name, text in dataset.files.items():
                    (place / name).write_text(text)

    def _secret(self, name, text):
        path = self.folder / "secrets" / name
        path.touch(mode=0o600)
        path.write_text(text)

    def _at(self, node):
        held = (d for d in self.datasets if node < len(d.parts))
        return [dataset for dataset in held if dataset.parts[node] is not None]

    def _configure(self, clients, links):
        gateway = [
            "[gateway]",
            f"listen = {toml(f'127.0.0.1:{clients}')}",
            f"nodes_listen = {toml(f'127.0.0.1:{links}')}",
            *table("[[analyst]]", name="tester", token_file="secrets/analyst"),
        ]
        for node in range(self.nodes):
            name = f"node-{node}"
            held = [dataset.name for dataset in self._at(node)]
            gateway += table(
                "[[node]]",
                id=name,
                department=f"Department {node}",
                secret_file=f"secrets/{name}",
                datasets=held,
            )
            config = [
                *table("[node]", id=name, department=f"Department {node}"),
                *table("[uplink]", gateway=f"127.0.0.1:{links}", secret_file=f"../secrets/{name}"),
            ]
            for dataset in self._at(node):
                config += described(dataset)
            (self.folder / name / "node.toml").write_text("\n".join(config))
        (self.folder / "gateway.toml").write_text("\n".join(gateway))

    # Running

    def _start(self):
        for _ in range(STARTS_MAX):
            clients, links = free_ports(2)
            self._configure(clients, links)
            gateway = self._spawn("gateway", self.folder / "gateway.toml")
            if self._says_ready(gateway):
                break
            if "another program uses the port" not in self._log("gateway"):
                raise AssertionError(f"the gateway didn't start:\n{self._log('gateway')}")
            self._stop()
        else:
            raise AssertionError(f"no free port in {STARTS_MAX} attempts")
        self.address = f"grpc://127.0.0.1:{clients}"
        # All are started before any is awaited: loading is what takes the time.
        started = [
            (f"node-{node}", self._spawn("node", self.folder / f"node-{node}" / "node.toml"))
            for node in range(self.nodes)
        ]
        for name, process in started:
            if not self._says_ready(process):
                raise AssertionError(f"{name} didn't start:\n{self._log(name)}")

    def _spawn(self, verb, config):
        name = "gateway" if verb == "gateway" else config.parent.name
        with open(self.folder / f"{name}.log", "w", encoding="utf-8") as log:
            process = subprocess.Popen(
                [os.environ["INSITU_BIN"], verb, "--config", str(config)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        self.processes.append(process)
        return process

    def _log(self, name):
        return (self.folder / f"{name}.log").read_text(encoding="utf-8")[-4_000:]

    @staticmethod
    def _says_ready(process):
        """Waits for the one line a service prints when it is ready, or for its end."""
        readable, _, _ = select.select([process.stdout], [], [], READY_SECONDS)
        return bool(readable) and b"ready" in process.stdout.readline()

    def _connect(self):
        options = {
            "adbc.flight.sql.authorization_header": f"Bearer {TOKEN}",
            STATUSES: "on",
        }
        self.connection = flight_sql.connect(self.address, db_kwargs=options, autocommit=True)
        # A node is ready before the gateway has its catalogue.
        deadline = time.monotonic() + READY_SECONDS
        for dataset in self.datasets:
            while True:
                try:
                    self.query(f"SELECT count(*) FROM {dataset.name}")
                    break
                except adbc_driver_manager.Error as error:
                    waiting = any(code in str(error) for code in ["N401", "Q105"])
                    if not waiting or deadline < time.monotonic():
                        raise
                    time.sleep(0.1)

    def _stop(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            process.stdout.close()
        self.processes = []


def free_ports(count):
    """Ports nobody listens on, all different."""
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listener.getsockname()[1] for listener in listeners]
    for listener in listeners:
        listener.close()
    return ports


def described(dataset):
    """`[[dataset]]` and its columns."""
    source = {"format": "csv", "path": f"{dataset.name}.csv"}
    if dataset.profile is None:
        terms = {"protection": "open"}
    else:
        terms = {
            "protection": "protected",
            "unit": dataset.unit,
            "units_at_one_node": True,
            "profile": dataset.profile,
            "release": dataset.release,
        }
    terms |= dataset.terms
    lines = table("[[dataset]]", name=dataset.name, source=source, **terms)
    for column in dataset.columns:
        label = {"label": column.label} if column.label else {}
        lines += table(
            "[[dataset.column]]", name=column.name, type=column.type, **label, **column.terms
        )
    return lines


def table(heading, **entries):
    return ["", heading, *(f"{key} = {toml(value)}" for key, value in entries.items())]


def toml(value):
    """A value as TOML writes it. Its strings, numbers and lists are those of JSON."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml(item)}" for key, item in value.items()) + " }"
    return json.dumps(value)
