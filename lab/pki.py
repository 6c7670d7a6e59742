"""The lab's certificate authority and kubeconfig: nothing in the lab listens without TLS, nothing else is trusted.

Keys are elliptic curve ones, since a lab makes one for every serving pod and must be up within two seconds.
"""

from __future__ import annotations

import base64
import ipaddress
import itertools
import os
import ssl
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

VALIDITY = timedelta(days=365)
CLOCK_SKEW = timedelta(hours=1)


@dataclass(frozen=True)
class KeyPair:
    """A certificate and its private key, as PEM files."""

    cert_file: Path
    key_file: Path


@dataclass(frozen=True)
class Authority:
    """A certificate authority whose files live in one folder."""

    folder: Path
    key: ec.EllipticCurvePrivateKey
    issuer: x509.Certificate
    _numbers: itertools.count[int] = field(default_factory=itertools.count)

    @classmethod
    def create(cls, folder: Path) -> Authority:
        """A new authority; the folder must exist and should be private."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "seatrial-lab-ca")])
        usage = _key_usage(signs_certificates=True)
        builder = _builder(name, name, key.public_key())
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        certificate = builder.add_extension(usage, critical=True).sign(key, hashes.SHA256())
        authority = cls(folder, key, certificate)
        _write(authority.certificate, certificate.public_bytes(serialization.Encoding.PEM))
        return authority

    @property
    def certificate(self) -> Path:
        """The authority's own certificate: what clients trust."""
        return self.folder / "ca.crt"

    def issue(
        self,
        common_name: str,
        organizations: Iterable[str] = (),
        dns_names: Iterable[str] = (),
        addresses: Iterable[str] = (),
    ) -> KeyPair:
        """A certificate for serving as these names and addresses, and for being `common_name` of those groups."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in organizations]
        subject = x509.Name([*names, x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        builder = _builder(subject, self.issuer.subject, key.public_key())
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(_key_usage(signs_certificates=False), critical=True)
        purposes = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False
        )
        alternatives: list[x509.GeneralName] = [x509.DNSName(name) for name in dns_names]
        alternatives += [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses]
        if alternatives:
            builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        return self._save(builder.sign(self.key, hashes.SHA256()), key)

    def server_tls(self, *names: str) -> ssl.SSLContext:
        """A context for serving as these DNS names and IP addresses."""
        addresses = [name for name in names if _is_address(name)]
        pair = self.issue(
            names[0][:64], dns_names=[name for name in names if name not in addresses], addresses=addresses
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair.cert_file, pair.key_file)
        return context

    def mutual_tls(self, *names: str, required: bool) -> ssl.SSLContext:
        """Like `server_tls`, and callers may (or must) show a certificate of this authority."""
        context = self.server_tls(*names)
        context.verify_mode = ssl.CERT_REQUIRED if required else ssl.CERT_OPTIONAL
        context.load_verify_locations(self.certificate)
        return context

    def kubelet_tls(self, address: str, name: str) -> ssl.SSLContext:
        """A kubelet's context: it lets in nobody without a certificate of this authority."""
        return self.mutual_tls(address, name, required=True)

    def client_tls(self, pair: KeyPair | None = None) -> ssl.SSLContext:
        """A context for calling servers of this authority, as the bearer of `pair`."""
        context = ssl.create_default_context(cafile=str(self.certificate))
        if pair:
            context.load_cert_chain(pair.cert_file, pair.key_file)
        return context

    def _save(self, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> KeyPair:
        number = next(self._numbers)
        pair = KeyPair(self.folder / f"{number}.crt", self.folder / f"{number}.key")
        _write(pair.cert_file, certificate.public_bytes(serialization.Encoding.PEM))
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        _write(pair.key_file, private)
        return pair


def write_kubeconfig(
    path: Path, *, server: str, authority: Authority, user: str, client: KeyPair | None = None, token: str | None = None
) -> None:
    """Write a self-contained kubeconfig that only its owner can read; it replaces an old one in one step."""
    identity: dict[str, str] = {"token": token} if token else {}
    if client:
        identity["client-certificate-data"] = _base64(client.cert_file)
        identity["client-key-data"] = _base64(client.key_file)
    name = "seatrial-lab"
    cluster = {"server": server, "certificate-authority-data": _base64(authority.certificate)}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": user, "user": identity}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": user}}],
        "current-context": name,
    }
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    _write(draft, yaml.safe_dump(config, sort_keys=False).encode())
    draft.replace(path)


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(subject_name=subject, issuer_name=issuer, public_key=key)
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - CLOCK_SKEW).not_valid_after(now + VALIDITY)
    return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _write(path: Path, content: bytes) -> None:
    """Create or replace a file that only the owner can read, never readable by others even for a moment."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def _base64(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
