"""The composition root: joins the core, the runtime and the adapters into what users call."""
