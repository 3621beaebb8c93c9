"""Watch-only tracker and widget for the gifts to a blog.

The way of the data: an upstream is asked by a source (`sources`); the source returns an
observation; `agreement` holds the latest observation of each operator and makes them into one
view; the `ledger` applies the view and yields changes; the `store` remembers them; a `snapshot`
tells the public; `web` serves the snapshot; the widget shows it. Data passes them in this order,
once, downwards: no page view can cause an upstream call or a query.
"""

__version__ = "0.1.0"
