"""Seatrial as its users meet it: commands in processes of their own, judged by what they say, return and leave."""
