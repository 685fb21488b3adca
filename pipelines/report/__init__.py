"""What a finished run was: its figures, and one HTML page of them that asks nothing of any network.

`figures.py` computes, `sections.py` writes, `charts.py` draws, `page.py` puts it together. A part of the page is a
`Section` (`page.py`): what else the page is to hold comes as further sections.
"""
