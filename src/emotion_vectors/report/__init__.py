"""The report: one page with its figures, made from the record and from what the topics say of it."""
