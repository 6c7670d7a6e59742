"""Tests of the load suite's parts: arithmetic, judgement, the load process, and what it may not do to pytest."""
