"""Sea trials for KubeVirt live migration.

The rooms (`conformance`, `chaos`, `load`, `fixtures`, `reports`, `lab`) stand at the top level of the repository and
are linked into this package, so that one import name owns them all.
"""

__version__ = "0.1.0"
