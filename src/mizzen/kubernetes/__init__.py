"""Kubernetes as a source: objects are listed, then watched, and what is known of them is kept.

`client` asks an API server, `reflector` keeps a table equal to a resource, `background` runs both on a thread of its
own. Only `client` needs the extra `kubernetes`.
"""
