"""What a cluster must do: one file a capability, and the catalogue of requirements beside them."""
