"""What runs on a node: kubelet, kube-proxy, virt-handler and virt-launcher, as clients of the API."""
