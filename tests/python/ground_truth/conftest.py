"""Nothing here asks the demo: each file starts a federation of its own (`federation.py`)."""

import os

import pytest


def pytest_configure():
    if not os.environ.get("INSITU_BIN"):
        pytest.exit("INSITU_BIN isn't set: it names the `insitu` command to test", 2)
