"""kubernetesenv: attributes of workloads from Kubernetes."""

from mizzen.mixer.adapters.kubernetesenv.adapter import KubernetesEnvAdapter
from mizzen.mixer.adapters.kubernetesenv.params import KubernetesEnvParams

__all__ = ["KubernetesEnvAdapter", "KubernetesEnvParams"]
