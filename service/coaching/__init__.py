"""What coaches and agents go through together: sessions and goals, scorecards, grading, calibration."""
