"""Does the author's page still show what `donations embed` printed? Read, compared, remembered.

`tokens` cuts a page as browsers do, `zones` says what of it stands where, `inspect` compares that
with an `Expectation`; all of them are pure. `watch` reads the pages on a schedule.
"""
