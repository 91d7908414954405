"""Contact-centre and customer metrics."""
