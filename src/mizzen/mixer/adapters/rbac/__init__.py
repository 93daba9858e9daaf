"""rbac: role based access control."""

from mizzen.mixer.adapters.rbac.adapter import RbacAdapter, RbacParams

__all__ = ["RbacAdapter", "RbacParams"]
