"""What the service keeps: tables, the database they are in, and how calls go in and come out."""
