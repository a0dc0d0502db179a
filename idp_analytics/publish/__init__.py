"""When and where reports run: notebooks in, one published folder of pages out.

``run.publish`` is the way in; ``exporter.ReportExporter`` is what ``jupyter nbconvert --to idp`` uses.
"""
