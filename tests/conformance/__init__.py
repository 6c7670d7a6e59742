"""Tests of the suites as suites: that their catalogues are kept, and that each of their checks can fail."""
