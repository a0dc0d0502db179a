from __future__ import annotations

import pytest

from idp_analytics.sources.repositories import repository


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://github.com/acme/shop.git", "acme/shop"),
        ("git@github.com:acme/shop.git", "acme/shop"),
        ("ssh://git@git.example.invalid:2222/acme/shop", "acme/shop"),
        ("git.example.invalid:2222/acme/shop", "acme/shop"),
        ("github.com/acme/shop", "acme/shop"),
        ("git::https://bot:t0ken@github.com/acme/net.git?ref=v1", "acme/net"),
        ("https://user:secret@git.example.invalid/group/sub/shop/", "group/sub/shop"),
        # Something in it.
        ("url:https://github.com/acme/shop/tree/main/", "acme/shop"),
        ("https://github.com/acme/shop/blob/main/catalog-info.yaml", "acme/shop"),
        ("https://git.example.invalid/acme/shop/pull/12", "acme/shop"),
        ("https://gitlab.com/acme/payments/checkout/-/tree/main/", "acme/payments/checkout"),
        ("https://gitlab.com/acme/payments/checkout/tree/main", "acme/payments/checkout"),
        ("https://bitbucket.org/acme/shop/src/main/", "acme/shop"),
        ("https://bitbucket.example.invalid/projects/ACME/repos/shop/browse", "ACME/shop"),
        ("https://bitbucket.example.invalid/scm/acme/shop.git", "acme/shop"),
        # Names that look like a way into a repository.
        ("https://gitlab.com/acme/web/src", "acme/web/src"),
        ("https://gitlab.com/acme/web/src/app.git", "acme/web/src/app"),
        ("https://git.example.invalid/42/shop", "42/shop"),
        # Azure DevOps.
        ("https://dev.azure.com/org/proj/_git/repo?path=/", "org/proj/repo"),
        ("https://org@dev.azure.com/org/proj/_git/repo", "org/proj/repo"),
        ("git@ssh.dev.azure.com:v3/org/proj/repo", "org/proj/repo"),
        ("https://org.visualstudio.com/DefaultCollection/proj/_git/repo", "org/proj/repo"),
        ("https://dev.azure.com/org/_git/repo", "org/repo/repo"),
        # Short names are themselves.
        ("acme/shop", "acme/shop"),
        ("group/sub/shop", "group/sub/shop"),
        ("acme.io/shop", "acme.io/shop"),
        # No repository.
        ("https://charts.example.invalid", None),
        ("https://t0ken@git.example.invalid/shop", None),
        ("shop", None),
        ("", None),
        (None, None),
    ],
)
def test_repository(url, expected):
    assert repository(url) == expected
