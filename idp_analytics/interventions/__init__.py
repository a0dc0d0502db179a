"""``idp intervention``: what is to be changed, written down before it is, and when teams or services took it up."""
