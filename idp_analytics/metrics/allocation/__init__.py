"""Who pays for what nobody owns alone: pools of charges shared out by rules, as a double-entry ledger that adds up to the last digit.

``charges.py`` gives every charge its one owner, pool or reason; ``weights.py`` by what a pool is shared; ``settlement.py``
what follows where pools use one another; ``apportion.py`` shares without a remainder; ``shares.py`` puts these together;
``entries.py`` the whole ledger, ``proof.py`` that it adds up, ``methods.py`` what another method would say.
"""
