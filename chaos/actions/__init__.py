"""What faults do, one subject a file: each is a request that any cluster's API answers."""
