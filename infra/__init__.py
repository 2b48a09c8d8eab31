"""What Galen needs in a cloud, as a Pulumi program: `pulumi up` on a stack, or `python3 -m local infra preview`."""
