from base64 import b64encode
from pathlib import Path

import pytest
import yaml

from collector.discovery_config import KubernetesSdConfig
from collector.ingest.discovery.kubernetes_access import access_of
from collector.model.errors import ConfigError


def section(**fields: object) -> KubernetesSdConfig:
    return KubernetesSdConfig.model_validate({"role": "pod", **fields})


def test_a_pod_knows_its_server_by_environment_and_service_account(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("t")
    (tmp_path / "namespace").write_text("monitoring\n")
    environment = {"KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "6443"}
    access = access_of(section(), environment, tmp_path)
    assert (access.server, access.namespace) == ("https://10.96.0.1:6443", "monitoring")
    assert access.client.bearer_token_file == str(tmp_path / "token")
    assert access.client.tls_config.ca_file == str(tmp_path / "ca.crt")


def test_outside_a_pod_the_section_must_say_where_the_server_is(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="api_server or kubeconfig_file"):
        access_of(section(), {}, tmp_path)
    access = access_of(section(api_server="https://api.example/"), {}, tmp_path)
    assert access.server == "https://api.example"


def kubeconfig(tmp_path: Path, user: dict[str, object]) -> KubernetesSdConfig:
    document = {
        "current-context": "here",
        "contexts": [
            {"name": "here", "context": {"cluster": "c", "user": "u", "namespace": "shop"}}
        ],
        "clusters": [
            {
                "name": "c",
                "cluster": {
                    "server": "https://api.example:6443",
                    "certificate-authority-data": b64encode(b"PEM").decode(),
                    "tls-server-name": "kubernetes",
                },
            }
        ],
        "users": [{"name": "u", "user": user}],
    }
    file = tmp_path / "kubeconfig"
    file.write_text(yaml.safe_dump(document))
    return section(kubeconfig_file=str(file))


def test_a_kubeconfig_s_current_context_is_used(tmp_path: Path) -> None:
    given = {"client-certificate": "c.pem", "client-key-data": b64encode(b"KEY").decode()}
    access = access_of(kubeconfig(tmp_path, given), {}, tmp_path)
    assert (access.server, access.namespace) == ("https://api.example:6443", "shop")
    tls = access.client.tls_config
    files = (tls.ca, tls.server_name, tls.cert_file)
    assert files == ("PEM", "kubernetes", str(tmp_path / "c.pem"))
    assert tls.key is not None
    assert tls.key.reveal() == "KEY"


def test_a_kubeconfig_s_token_is_a_secret(tmp_path: Path) -> None:
    access = access_of(kubeconfig(tmp_path, {"token": "s3cret"}), {}, tmp_path)
    assert access.client.bearer_token is not None
    assert access.client.bearer_token.reveal() == "s3cret"
    assert "s3cret" not in repr(access)


@pytest.mark.parametrize("user", [{"exec": {"command": "aws"}}, {"auth-provider": {}}])
def test_a_user_who_logs_in_by_a_program_is_told(tmp_path: Path, user: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="logs in by a program"):
        access_of(kubeconfig(tmp_path, user), {}, tmp_path)


def test_a_file_that_is_no_kubeconfig_shows_nothing_of_itself(tmp_path: Path) -> None:
    file = tmp_path / "kubeconfig"
    file.write_text("token: s3cret\n")
    with pytest.raises(ConfigError, match="not a usable kubeconfig") as caught:
        access_of(section(kubeconfig_file=str(file)), {}, tmp_path)
    assert "s3cret" not in str(caught.value)
