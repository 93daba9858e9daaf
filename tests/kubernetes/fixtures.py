"""One cluster for all tests of a run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.kubernetes.cluster import Cluster
from tests.kubernetes.control_plane import ApiServer, ControlPlane


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    plane = ControlPlane(tmp_path_factory.mktemp("kubernetes"))
    try:
        cluster = Cluster(plane, plane.start())
        yield cluster
        cluster.client.close()
    finally:
        plane.stop()


@pytest.fixture
def second_server(cluster: Cluster) -> Iterator[ApiServer]:
    """Another API server of the same cluster, so that one can be away; it is not started."""
    server = cluster.plane.add_server()
    yield server
    server.crash()
