"""Who may use the service, how they prove it, and what each may see and do."""
