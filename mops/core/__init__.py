"""The pure core: decides, and never touches the world. Drivers and adapters act on what it yields."""
