"""The read side: ledger, views, indicators, rules and alerts."""
