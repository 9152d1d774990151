"""What bench/report is made of: the targets, the figures as tables, and as pictures."""
