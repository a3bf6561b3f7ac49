"""Parts of the report: cells are read and averaged, judged, and shown as Markdown, as a page and as pictures."""
