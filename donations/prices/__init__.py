"""What one whole unit of an asset cost at a moment: sources, their agreement, and values.

Sources tell quotes of a slot of time; `consensus` makes them one price or a reason why there is
none; the `appraiser` values each transfer once. Nothing here is ever assumed.
"""
