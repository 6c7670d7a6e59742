"""The embedded lab: a KubeVirt cluster in one process, reached like any other by its kubeconfig."""
