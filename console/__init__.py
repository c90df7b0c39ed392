"""The HTTP interface, the pages and the reports."""
