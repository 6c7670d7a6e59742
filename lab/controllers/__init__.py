"""Controllers: clients of the API that bring the world in line with its objects."""
