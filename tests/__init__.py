"""Tests of Seatrial itself; the folders mirror the rooms."""
