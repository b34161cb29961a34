"""First-party code on its way to a remote: found and read here, and put before everything else there."""
