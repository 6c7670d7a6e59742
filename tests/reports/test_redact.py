import pytest

from seatrial.reports.redact import REDACTED, redact, redact_all

JWT = "eyJhbGciOiJSUzI1NiIsImtpZCI6IiJ9.eyJpc3MiOiJrdWJlcm5ldGVzIn0.c2lnbmF0dXJl"
KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (f"Authorization: Bearer {JWT}", JWT),
        ("authorization: bearer abcdef0123456789", "abcdef0123456789"),
        (f"token {JWT} expired", JWT),
        (KEY, "MIIEow"),
        ("-----BEGIN CERTIFICATE-----\nMIIB", "MIIB"),
        ("client-key-data: LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRVktLS0tLQ==", "LS0tLS1CRUdJTiBSU0E"),
        ("curl --token=s3cr3t-value", "s3cr3t-value"),
        ("curl --password s3cr3t-value", "s3cr3t-value"),
        ('{"token": "abcdefghijklmnopqrstuvwxyz"}', "abcdefghijklmnopqrstuvwxyz"),
        ("https://admin:hunter2@api.example.org/", "hunter2"),
        ("socks5h://admin:hunter2@bastion:1080", "hunter2"),
        ("Cookie: session=s3cr3t; lang=en", "s3cr3t"),
        ("{'Set-Cookie': 'sid=s3cr3t; Path=/'}", "s3cr3t"),
        ("Authorization: Basic YWRtaW46aHVudGVyMg==", "YWRtaW46"),
    ],
)
def test_secrets_are_not_shown(text: str, secret: str) -> None:
    assert secret not in redact(text)
    assert REDACTED in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "token: expired",
        "the cookie: it was eaten",
        "basic authentication is off",
        "the bearer of this certificate",
        "secret kubevirt-migratable-certs not found",
        "https://127.0.0.1:6443/api",
        "conformance/test_tokens.py::test_token",
    ],
)
def test_ordinary_words_stay(text: str) -> None:
    assert redact(text) == text


def test_an_argument_behind_its_option_is_not_shown() -> None:
    assert redact_all({"command": ["pytest", "--token", "s3cret", "-x"]}) == {
        "command": ["pytest", "--token", REDACTED, "-x"]
    }
