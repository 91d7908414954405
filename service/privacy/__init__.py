"""What people have a right to and the law asks for: deletion, disclosure, retention; and backups."""
