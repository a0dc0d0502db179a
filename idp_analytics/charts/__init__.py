"""Frame in, Vega-Lite chart out, with a description computed from the data. Each subject is a module with a ``chart``.

>>> from idp_analytics.charts import trend
>>> trend.chart(answers, "Change fail rate", "share of deployments").altair()
"""

from idp_analytics.charts.chart import MIME, Chart

__all__ = ["MIME", "Chart"]
