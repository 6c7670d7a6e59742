"""When things break: faults at chosen moments of a migration, what each comes to, and the suite that tries them."""
