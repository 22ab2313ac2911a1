"""A connection to the demo, by an ordinary client. `tests/run` starts the demo and says where it is.

INSITU_GATEWAY   the gateway's address, such as grpc://127.0.0.1:50051
INSITU_TOKEN     the analyst's token
"""

import os

import adbc_driver_flightsql.dbapi as flight_sql
import pytest

GATEWAY = os.environ.get("INSITU_GATEWAY")
TOKEN = os.environ.get("INSITU_TOKEN", "demo")


def connect(**options):
    """A connection with the token in the header, and further options by name."""
    options.setdefault("adbc.flight.sql.authorization_header", f"Bearer {TOKEN}")
    return flight_sql.connect(GATEWAY, db_kwargs=options, autocommit=True)


def pytest_configure():
    if not GATEWAY:
        pytest.exit("INSITU_GATEWAY isn't set: run tests/run, or start `insitu demo` first", 2)


@pytest.fixture
def connection():
    with connect() as opened:
        yield opened


@pytest.fixture
def cursor(connection):
    with connection.cursor() as opened:
        yield opened


@pytest.fixture
def gateway():
    return GATEWAY


@pytest.fixture
def token():
    return TOKEN


@pytest.fixture
def connected():
    return connect
