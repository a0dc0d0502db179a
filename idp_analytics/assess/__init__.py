"""``idp assess``: the self-assessment as a form to fill in, and answers brought in."""
