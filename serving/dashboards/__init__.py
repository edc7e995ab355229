"""The pages that people read: filters, panels, charts, sign-in.

Belongs here: everything between an answer of `serving/queries` and the HTML or CSV that a
person sees. HTTP itself is in `serving/routers/dashboards.py`.
"""
