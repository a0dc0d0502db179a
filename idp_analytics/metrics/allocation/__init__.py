"""Who pays for what nobody owns alone: pools of charges shared out by rules, as a double-entry ledger that adds up to the last digit.

``charges.py`` gives every charge its one owner, pool or reason; ``gather.py`` adds charges up to cells that no rule
tells apart; ``weights.py`` by what a pool is shared; ``settlement.py`` what follows where pools use one another; ``apportion.py`` shares
without a remainder; ``shares.py`` puts these together; ``entries.py`` the whole ledger; ``before.py`` that of all charged before a moment, once for all studies; ``explain.py`` the way back; ``studies.py`` what
is shown of it, and what another method would say. That it adds up is proved by ``proof.py`` and ``showback.prove``.
"""
