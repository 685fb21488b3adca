"""Where rows come from: sources, providers, judges, protocols, and the ledger of every call."""
