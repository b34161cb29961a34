"""How fast does a web site answer? From its access logs to an interval for each page."""
