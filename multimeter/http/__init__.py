"""HTTP: connections and their tokens, and the APIs of the servers behind them."""
