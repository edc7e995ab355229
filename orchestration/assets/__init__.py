"""Assets: what there is, and what it is made from. One module per way of making."""
