"""Other people's files as tapes: a backtest before the first recorded night."""
