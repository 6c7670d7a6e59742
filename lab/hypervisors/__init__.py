"""Hypervisors: one interface, and the machines that implement it."""
