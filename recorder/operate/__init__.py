"""What an operator asks: is the recording good, is this machine ready, what did the night bring."""
