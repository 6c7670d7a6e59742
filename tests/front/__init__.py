"""What may stand between Seatrial and an API server: proxies, and fronts that log in, throttle or answer themselves."""
