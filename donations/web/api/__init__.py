"""The HTTP interface as it is documented: what a route takes and answers stands beside its handler,
and /openapi.json, the reading of parameters and the errors are made of that.
"""
