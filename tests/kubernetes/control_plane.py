"""A real control plane on loopback: etcd and kube-apiserver, with an authority and certificates of their own."""

from __future__ import annotations

import base64
import signal
import ssl
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import trustme
import yaml
from tests.kubernetes.programs import path_of
from tests.processes import Server

from mizzen.testing import unused_port


class ControlPlane:
    """etcd and one kube-apiserver or several."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        authority = trustme.CA()
        authority.cert_pem.write_to_path(folder / "ca.crt")
        write_identity(folder / "server", authority.issue_cert("127.0.0.1", common_name="kube-apiserver"))
        admin = authority.issue_cert("admin.test", common_name="admin", organization_name="system:masters")
        write_identity(folder / "admin", admin)
        write_identity(folder / "accounts", authority.issue_cert("accounts.test"))
        self.etcd = Server(path_of("etcd"), folder / "etcd.log")
        self.etcd_url = f"http://127.0.0.1:{unused_port()}"
        self.servers: list[ApiServer] = []

    def start(self) -> ApiServer:
        """etcd and the first kube-apiserver; returns when both are ready."""
        url, peer = self.etcd_url, f"http://127.0.0.1:{unused_port()}"
        options = [
            f"--data-dir={self.folder / 'etcd'}",
            f"--listen-client-urls={url}",
            f"--advertise-client-urls={url}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            "--unsafe-no-fsync",
            "--log-level=warn",
        ]
        with httpx.Client(base_url=url, trust_env=False) as client:
            self.etcd.run(options, lambda: answers(client, "/health"))
        server = self.add_server()
        server.start()
        return server

    def add_server(self, *options: str) -> ApiServer:
        """A further kube-apiserver on the same etcd; it is not started."""
        self.servers.append(ApiServer(self.folder, self.etcd_url, len(self.servers), options))
        return self.servers[-1]

    def compact(self) -> None:
        """etcd forgets every version but the present one."""
        with httpx.Client(base_url=self.etcd_url, timeout=10, trust_env=False) as client:
            status = client.post("/v3/maintenance/status", json={}).raise_for_status().json()
            wanted = {"revision": status["header"]["revision"], "physical": True}
            client.post("/v3/kv/compaction", json=wanted).raise_for_status()

    def stop(self) -> None:
        for server in self.servers:
            server.stop()
        self.etcd.stop()


class ApiServer:
    """One kube-apiserver. It keeps its port when it is started again."""

    def __init__(self, folder: Path, etcd_url: str, index: int, options: Sequence[str]) -> None:
        self.folder = folder
        self.port = unused_port()
        self.url = f"https://127.0.0.1:{self.port}"
        self.server = Server(path_of("kube-apiserver"), folder / f"kube-apiserver-{index}.log")
        settings = {
            "advertise-address": "127.0.0.1",
            "authorization-mode": "RBAC",
            "bind-address": "127.0.0.1",
            "client-ca-file": folder / "ca.crt",
            "endpoint-reconciler-type": "none",
            "etcd-servers": etcd_url,
            "secure-port": self.port,
            "service-account-issuer": "https://kubernetes.default.svc",
            "service-account-key-file": folder / "accounts.crt",
            "service-account-signing-key-file": folder / "accounts.key",
            "service-cluster-ip-range": "10.96.0.0/16",
            "tls-cert-file": folder / "server.crt",
            "tls-private-key-file": folder / "server.key",
        }
        self.options = [*(f"--{name}={value}" for name, value in settings.items()), *options]

    def start(self) -> None:
        with self.client() as client:
            self.server.run(self.options, lambda: answers(client, "/readyz"))

    def stop(self) -> None:
        """Gracefully; that waits for watches to end."""
        self.server.stop()

    def crash(self) -> None:
        self.server.stop(signal.SIGKILL)

    def client(self, token: str = "") -> httpx.Client:
        """With a token, or with the administrator's certificate."""
        context = ssl.create_default_context(cafile=str(self.folder / "ca.crt"))
        if not token:
            context.load_cert_chain(self.folder / "admin.crt", self.folder / "admin.key")
        headers = {"authorization": f"Bearer {token}"} if token else {}
        return httpx.Client(base_url=self.url, verify=context, headers=headers, timeout=30, trust_env=False)

    def kubeconfig(self, user: Mapping[str, Any]) -> dict[str, Any]:
        """A kubeconfig for this server; `user` as the format has it."""
        authority = base64.b64encode((self.folder / "ca.crt").read_bytes()).decode()
        cluster = {"server": self.url, "certificate-authority-data": authority}
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": "mixer", "user": dict(user)}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "mixer"}}],
        }

    def write_kubeconfig(self, user: Mapping[str, Any], folder: Path) -> str:
        """The path of the kubeconfig as a file."""
        path = folder / "kubeconfig"
        path.write_text(yaml.safe_dump(self.kubeconfig(user)))
        return str(path)


def write_identity(path: Path, certificate: trustme.LeafCert) -> None:
    certificate.private_key_pem.write_to_path(path.with_suffix(".key"))
    certificate.cert_chain_pems[0].write_to_path(path.with_suffix(".crt"))


def answers(client: httpx.Client, path: str) -> bool:
    try:
        return client.get(path).status_code == 200
    except httpx.TransportError:
        return False
