"""Tests of the conformance suite: that its catalogue is kept, and that each of its checks can fail."""
