from urllib.parse import urlsplit

import pytest

from collector.http_config import ProxyConfig
from collector.ingest.http.proxy import proxy_for

ENVIRONMENT = {
    "HTTP_PROXY": "http://u:p%40ss@proxy:3128",
    "no_proxy": "intra.example, .sub.example, 10.0.0.0/8, 192.0.2.7, ported.example:81, "
    "[2001:db8::1]",
}


@pytest.mark.parametrize(
    ("url", "through"),
    [
        ("http://a.example/x", True),
        ("https://a.example/x", False),
        ("http://intra.example/", False),
        ("http://deep.intra.example/", False),
        ("http://myintra.example/", True),
        ("http://sub.example/", True),
        ("http://a.sub.example/", False),
        ("http://10.1.2.3:9/", False),
        ("http://192.0.2.7/", False),
        ("http://192.0.2.8/", True),
        ("http://ported.example:81/", False),
        ("http://ported.example/", True),
        ("http://[2001:db8::1]/", False),
        ("http://localhost:9/", False),
        ("http://127.0.0.1/", False),
        ("http://[::1]/", False),
    ],
)
def test_the_environment_decides_as_it_does_for_go(url: str, through: bool) -> None:
    proxy = proxy_for(ProxyConfig(proxy_from_environment=True), urlsplit(url), ENVIRONMENT)
    assert (proxy is not None) == through


def test_a_named_proxy_is_used_even_for_this_machine_unless_no_proxy_is_given() -> None:
    here = urlsplit("http://127.0.0.1:9/")
    named = ProxyConfig(proxy_url="http://proxy:1")
    proxy = proxy_for(named, here, ENVIRONMENT)
    assert proxy is not None
    assert proxy.url == "http://proxy:1"
    assert proxy_for(ProxyConfig(proxy_url="http://proxy:1", no_proxy="a"), here, {}) is None
    assert (
        proxy_for(ProxyConfig(proxy_url="http://proxy:1", no_proxy="*"), urlsplit("http://x"), {})
        is None
    )
    assert proxy_for(ProxyConfig(), here, ENVIRONMENT) is None


def test_a_proxy_s_password_is_a_secret() -> None:
    proxy = proxy_for(
        ProxyConfig(proxy_from_environment=True), urlsplit("http://a.example/"), ENVIRONMENT
    )
    assert proxy is not None
    assert proxy.authorization is not None
    assert proxy.authorization.reveal() == "Basic dTpwQHNz"
    assert "p@ss" not in repr(proxy)
    assert "dTpwQHNz" not in repr(proxy)
