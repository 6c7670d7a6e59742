"""KubeVirt's control plane, as far as live migration is concerned, written against the Kubernetes API."""
