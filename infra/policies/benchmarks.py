"""The published requirements that rules answer, each with what it asks in words of our own.

CIS Microsoft Azure Foundations Benchmark 2.1.0, CIS Amazon Web Services Foundations Benchmark 3.0.0 (later versions number
anew), and HIPAA's security rule, each number beside the text of 45 CFR 164.308, 164.312 and 164.316: https://www.ecfr.gov/current/title-45/subtitle-A/subchapter-C/part-164/subpart-C
"""

from __future__ import annotations

from typing import Final

SOURCES: Final = {
    "CIS Azure": "CIS Microsoft Azure Foundations Benchmark 2.1.0",
    "CIS AWS": "CIS Amazon Web Services Foundations Benchmark 3.0.0",
    "HIPAA": "45 CFR",
}
REQUIREMENTS: Final = {
    "CIS Azure 3.1": "storage takes secure transfer alone",
    "CIS Azure 3.2": "storage is encrypted by its hardware too",
    "CIS Azure 3.7": "storage has no public network access",
    "CIS Azure 3.8": "storage denies networks that are not named",
    "CIS Azure 3.10": "storage is reached by private endpoints",
    "CIS Azure 3.11": "containers and blobs are deleted softly",
    "CIS Azure 3.12": "critical storage is encrypted with customer managed keys",
    "CIS Azure 3.15": "storage takes TLS 1.2 or newer",
    "CIS Azure 3.16": "storage is not replicated to another tenant",
    "CIS Azure 3.17": "storage lets nobody read blobs anonymously",
    "CIS Azure 4.1.1": "SQL servers audit",
    "CIS Azure 4.1.3": "the protector of SQL encryption is a customer managed key",
    "CIS Azure 4.1.4": "SQL servers sign in by Entra",
    "CIS Azure 4.5.1": "Cosmos DB is open to selected networks, not to all",
    "CIS Azure 4.5.2": "Cosmos DB is reached by private endpoints",
    "CIS Azure 4.5.3": "Cosmos DB is used by Entra identities and roles",
    "CIS Azure 5.1.4": "key vaults log",
    "CIS Azure 5.4": "every service that can log its resources does",
    "CIS Azure 6.1": "RDP from the internet is restricted",
    "CIS Azure 6.2": "SSH from the internet is restricted",
    "CIS Azure 6.3": "UDP from the internet is restricted",
    "CIS Azure 6.4": "HTTP from the internet is restricted",
    "CIS Azure 8.1": "keys of vaults with roles expire",
    "CIS Azure 8.5": "key vaults can be recovered",
    "CIS Azure 8.6": "key vaults are opened by roles",
    "CIS Azure 8.7": "key vaults are reached by private endpoints",
    "CIS Azure 8.8": "keys are renewed by themselves",
    "CIS Azure 9.2": "apps send HTTP on to HTTPS",
    "CIS Azure 9.3": "apps take the newest TLS",
    "CIS Azure 9.4": "apps have an identity in Entra",
    "CIS Azure 9.9": "apps are not deployed by FTP",
    "CIS Azure 9.10": "secrets of apps are in key vaults",
    "CIS AWS 1.16": "no policy allows every action on everything",
    "CIS AWS 2.1.1": "buckets deny plain HTTP",
    "CIS AWS 2.1.4": "buckets block public access",
    "CIS AWS 2.3.1": "databases are encrypted at rest",
    "CIS AWS 2.3.2": "databases take minor versions by themselves",
    "CIS AWS 2.3.3": "databases are not public",
    "CIS AWS 3.6": "customer managed keys rotate",
    "CIS AWS 3.7": "networks log their flows",
    "CIS AWS 5.2": "no group lets IPv4 addresses of the internet administer servers",
    "CIS AWS 5.3": "no group lets IPv6 addresses of the internet administer servers",
    "CIS AWS 5.4": "the default group lets nothing through",
    "HIPAA 164.308(a)(4)(ii)(B)": "access authorisation (addressable): how access is granted",
    "HIPAA 164.308(a)(7)(ii)(A)": "data backup plan (required): exact copies that can be retrieved",
    "HIPAA 164.308(a)(7)(ii)(B)": "disaster recovery plan (required): a loss of data is restored",
    "HIPAA 164.312(a)(1)": "access control (standard): only those get in who were granted it",
    "HIPAA 164.312(a)(2)(iv)": "encryption and decryption (addressable)",
    "HIPAA 164.312(b)": "audit controls (standard): activity is recorded and examined",
    "HIPAA 164.312(c)(1)": "integrity (standard): no improper alteration or destruction",
    "HIPAA 164.312(d)": "person or entity authentication (standard)",
    "HIPAA 164.312(e)(2)(ii)": "encryption in transmission (addressable)",
    "HIPAA 164.316(b)(2)(i)": "time limit (required): documentation of actions is kept for six years",
}
