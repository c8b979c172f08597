"""What checks raise."""


class Problem(Exception):
    """Something in deploy/ is wrong; the message says where and what."""
