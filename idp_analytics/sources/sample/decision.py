"""The decision the company is about to make, as its people state it in ``settings.toml``: which portal to run.

The numbers are made up so that the answer teaches something: the hosted option is cheaper, but one assumption about
people, well inside its range, turns that round.
"""

from __future__ import annotations

SETTINGS = """\
# A decision that is to be made: what each option costs over three years, as its people state it. Low and high say how many
# times what is stated a line may be. Nothing of this is measured, and the rest of the kit does not use it.
[[tool]]
decision = "portal"
id = "hosted"
title = "Hosted portal"
currency = "EUR"
discount_rate = 0.07             # what a year is worth; said once, for all options
years = 3

[[tool.cost]]
kind = "licences"
name = "Seats"
yearly = 31200
growth = 0.06                    # the price rises by so much a year
committed_years = 2              # the contract is to be paid to the end of year 2
low = 0.95
high = 1.2

[[tool.cost]]
kind = "people"
name = "Integration and care"
fte = 0.3
loaded_rate = 98000
low = 0.8
high = 1.5

[[tool.cost]]
kind = "migration"
name = "Moving the catalogue"
up_front = 16500
low = 0.8
high = 1.6

[[tool.cost]]
kind = "training"
up_front = 3500

[[tool.exit]]
kind = "data export"
amount = 4000
high = 2

[[tool.exit]]
kind = "re-integration"
name = "Plugins built anew"
years = { 1 = 6000, 2 = 11000, 3 = 17000 }     # the more is built on it, the more it costs to leave
low = 0.5
high = 2

[[tool.exit]]
kind = "retraining"
amount = 3500

[[tool]]
decision = "portal"
id = "self-hosted"
title = "Self-hosted portal"
currency = "EUR"

[[tool.cost]]
kind = "people"
name = "Engineers who run it"
fte = 0.7
loaded_rate = 98000
low = 0.7
high = 1.8

[[tool.cost]]
kind = "infrastructure"
yearly = 6900
growth = 0.03
low = 0.8
high = 1.4

[[tool.cost]]
kind = "migration"
name = "Building and moving"
up_front = 38000
low = 0.7
high = 2

[[tool.cost]]
kind = "training"
up_front = 5200

[[tool.exit]]
kind = "data export"
amount = 800

[[tool.exit]]
kind = "parallel running"
name = "Both for a quarter"
amount = 5500

[[tool.benefit]]
kind = "time saved"
yearly = 24000
said_by = "the platform team"
"""
