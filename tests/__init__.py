"""The tests mirror the package; `nodes` starts real nodes, the fake world stands in elsewhere."""
